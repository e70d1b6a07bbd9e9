/** A new budget as a sentence: who may spend how much, on what, in which time, and what happens then; beside it what follows. */

import { Autocomplete, Button, Code, Drawer, Group, MultiSelect, SegmentedControl, Select, Stack, Switch, TagsInput, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { Link } from "@tanstack/react-router";
import { useState, type FormEvent } from "react";
import { useApi, useChange } from "../api/client";
import { useWho } from "../api/session";
import { decimal, typed } from "../money";
import { CopyIcon } from "../pieces/copyable";
import { Failed } from "../pieces/states";
import { useUnsaved } from "../pieces/unsaved";
import { ZONE } from "../time";
import { useEffects, Effects } from "./budget_effects";
import { listed } from "./alert_words";
import { Channels, useTold, WatchedBy } from "./budget_told";
import { amountWrong, nameTaken } from "./budget_wrong";
import { yaml } from "./budget_yaml";
import type { Budget } from "./budget_math";
import "./budgets.css";

interface Props {
  opened: boolean;
  close: () => void;
  made: (id: string) => void;
  budgets: readonly Budget[];
}

const EACH = [
  { value: "", label: "all together" },
  { value: "user", label: "each person apart" },
  { value: "group", label: "each group apart" },
  { value: "metadata.team", label: "each team apart" },
  { value: "key", label: "each key apart" },
  { value: "service", label: "each service apart" },
  { value: "model", label: "each model apart" },
];
const WHO = [
  { value: "", label: "Everyone" },
  { value: "group", label: "Everyone in the group" },
  { value: "user", label: "The person" },
  { value: "key", label: "Whoever has the key" },
  { value: "service", label: "The service" },
  { value: "metadata.team", label: "The team" },
  { value: "metadata.", label: "Whoever has the metadata" },
];

export function BudgetNew({ opened, close, made, budgets }: Props) {
  return (
    <Drawer opened={opened} onClose={close} position="right" size={1020} title="New budget" closeButtonProps={{ "aria-label": "Close the new budget" }}>
      {opened && <Sentence made={made} budgets={budgets} />}
    </Drawer>
  );
}

function Sentence({ made, budgets }: Pick<Props, "made" | "budgets">) {
  const { may } = useWho();
  const [name, setName] = useState("");
  const [who, setWho] = useState("");
  const [key, setKey] = useState("");
  const [whom, setWhom] = useState("");
  const [each, setEach] = useState("");
  const [limit, setLimit] = useState("");
  const [period, setPeriod] = useState("month");
  const [zone, setZone] = useState(ZONE);
  const [models, setModels] = useState<string[]>([]);
  const [alerts, setAlerts] = useState<string[]>(["50", "80", "100"]);
  const [then, setThen] = useState("");
  const [at, setAt] = useState("80");
  const [to, setTo] = useState("");
  const [parent, setParent] = useState("");
  const [watch, setWatch] = useState(true);
  const [form, setForm] = useState<"yaml" | "api">("yaml");
  const seen = useApi("/api/v1/analytics", { query: { by: who.startsWith("metadata.") || !who ? "user" : who, metrics: "cost", limit: 100 } }, { enabled: may("analytics:read") && !!who && who !== "metadata." });
  const used = useApi("/api/v1/analytics", { query: { by: "provider,model", metrics: "cost", limit: 50 } }, { enabled: may("analytics:read") });
  const told = useTold(null);
  const amount = typed(limit);
  const attribute = who === "metadata." ? `metadata.${key.trim()}` : who;
  const where = { ...(who && whom ? { [attribute]: whom } : {}), ...(models.length > 0 ? { model: models.length === 1 ? models[0] : models } : {}) };
  const action = then === "warn" ? { at: Number(at), do: "warn" } : then === "slow" ? { at: Number(at), do: "slow", delay_ms: 2000 } : then === "downgrade" ? { at: Number(at), do: "downgrade", to } : null;
  const entry: Record<string, unknown> = {
    name: name.trim(),
    limit: amount === null ? "" : decimal(amount),
    window: { period, timezone: zone },
    ...(parent ? { parent } : {}),
    ...(Object.keys(where).length > 0 ? { where } : {}),
    ...(each ? { split_by: [each] } : {}),
    ...(watch ? { mode: "monitor" } : {}),
    ...(alerts.length > 0 ? { alerts: alerts.map(Number) } : {}),
    ...(action ? { actions: [action] } : {}),
  };
  const save = useChange("post", "/api/v1/budgets");
  // Once it is made, its name is its own.
  const taken = save.isPending || save.isSuccess ? null : nameTaken(name, budgets);
  const wrongAmount = amountWrong(limit);
  const missing = [
    entry.name === "" && "a name",
    taken && "another name",
    limit === "" && "an amount",
    wrongAmount && (amount === null ? "an amount such as 250 or 0.50" : "another amount"),
    attribute === "metadata." && "the name of the metadata",
    who && whom === "" && "whom it is about",
    then === "downgrade" && to === "" && "the model to downgrade to",
  ].filter((each): each is string => typeof each === "string" && each !== "");
  const ready = missing.length === 0;
  const { question, saved } = useUnsaved([name, limit, whom, key, to].some((text) => text !== "") || models.length > 0);
  // Once it is there, it cannot be made again, not even for a look.
  const effects = useEffects(ready && !save.isPending && !save.isSuccess ? entry : null);
  // What was said of another entry says nothing of this one.
  const failed = save.error && JSON.stringify(save.variables?.body) === JSON.stringify(entry) ? save.error : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!ready || effects.refused) return;
    save.mutate(
      { body: entry },
      {
        onSuccess: (answer) => {
          notifications.show({ message: `${name.trim()} is in force`, color: "teal" });
          saved();
          made(answer.id);
        },
      },
    );
  };
  const parentOf = budgets.find((budget) => budget.id === parent);
  const api = JSON.stringify(entry, null, 1);
  const inFile = yaml("budgets", entry);
  return (
    <div className="tw-beside">
      {question}
      <form onSubmit={submit} aria-label="New budget">
        <Stack gap="md">
          <TextInput label="Name" value={name} onChange={(event) => setName(event.currentTarget.value)} error={taken} data-autofocus required />
          <div className="tw-words">
            <Select aria-label="Who" data={WHO} value={who} onChange={(value) => setWho(value ?? "")} w={200} />
            {who === "metadata." && <TextInput aria-label="Name of the metadata" placeholder="cost-center" value={key} onChange={(event) => setKey(event.currentTarget.value)} w={120} />}
            {who && (
              <Autocomplete
                aria-label="Whom"
                placeholder={who === "user" ? "alice@example.com" : "name"}
                data={[...new Set((seen.data?.groups ?? []).map((one) => one.group[who] ?? "").filter(Boolean))]}
                value={whom}
                onChange={setWhom}
                w={190}
              />
            )}
            <span>counted</span>
            <Select aria-label="Counted" data={EACH} value={each} onChange={(value) => setEach(value ?? "")} w={165} />
            <span>may spend</span>
            <TextInput
              aria-label="May spend, in US dollars"
              leftSection="$"
              inputMode="decimal"
              placeholder="500"
              value={limit}
              onChange={(event) => setLimit(event.currentTarget.value)}
              error={wrongAmount}
              w={105}
            />
            <span>per</span>
            <Select aria-label="Per" data={["hour", "day", "week", "month", "quarter", "year"]} value={period} onChange={(value) => setPeriod(value ?? "month")} w={110} />
            <span>in</span>
            <Autocomplete aria-label="Time zone" data={[...new Set([ZONE, "UTC", "Europe/Berlin", "America/New_York", "America/Los_Angeles", "Asia/Tokyo"])]} filter={({ options }) => options} value={zone} onChange={setZone} w={170} />
            <span>on</span>
            <TagsInput
              aria-label="Models"
              placeholder={models.length ? undefined : "every model"}
              data={(used.data?.groups ?? []).map((one) => `${one.group.provider ?? "*"}/${one.group.model ?? ""}`)}
              value={models}
              onChange={setModels}
              acceptValueOnBlur
              miw={220}
            />
            <span>tell</span>
            {told.channels && <Channels of={told.channels} />}
            <span>at</span>
            <MultiSelect aria-label="Tell at percent" data={["25", "50", "75", "80", "90", "95", "100"].map((value) => ({ value, label: `${value} %` }))} value={alerts} onChange={setAlerts} miw={170} />
            <span>then</span>
            <Select
              aria-label="Before the limit"
              data={[
                { value: "", label: "nothing more" },
                { value: "warn", label: "warn the caller" },
                { value: "slow", label: "slow down" },
                { value: "downgrade", label: "downgrade to" },
              ]}
              value={then}
              onChange={(value) => setThen(value ?? "")}
              w={160}
            />
            {then === "downgrade" && <TextInput aria-label="Downgrade to" placeholder="openai/gpt-4o-mini" value={to} onChange={(event) => setTo(event.currentTarget.value)} w={190} />}
            {then && (
              <>
                <span>at</span>
                <Select aria-label="From percent" data={["50", "70", "80", "90", "95", "100"].map((value) => ({ value, label: `${value} %` }))} value={at} onChange={(value) => setAt(value ?? "80")} w={90} />
              </>
            )}
            <span>at the limit</span>
            <b>{watch ? "only watch" : "block"}</b>
            <span>part of</span>
            <Select
              aria-label="Part of"
              data={[{ value: "", label: "no other budget" }, ...budgets.map((budget) => ({ value: budget.id, label: budget.name }))]}
              value={parent}
              onChange={(value) => setParent(value ?? "")}
              w={170}
            />
          </div>
          {told.channels?.length === 0 && alerts.length > 0 && (
            <Text size="xs" c="dimmed">
              No channel is told by default, so thresholds are kept in the history of <Link to="/alerts" className="tw-link">Alerts</Link> and nobody is told.
            </Text>
          )}
          {told.rules.length > 0 && (
            <div role="note" aria-label="Rules that watch every budget">
              <WatchedBy rules={told.rules} />
            </div>
          )}
          <Switch
            label="Only watch at first"
            description="Nothing is refused until you switch this off; what it would have refused is counted and told. Once it refuses, what is refused is not spent and not counted."
            checked={watch}
            onChange={(event) => setWatch(event.currentTarget.checked)}
          />
          {failed && <Failed error={failed} what="The budget was not made" />}
          <Group gap="xs">
            <Button type="submit" disabled={!ready || !!effects.refused} loading={save.isPending}>
              Put in force
            </Button>
            {(!ready || effects.refused) && (
              <Text size="xs" c="dimmed">
                {ready ? "It cannot be put in force as it is: What follows says why." : `It needs ${listed(missing)}.`}
              </Text>
            )}
          </Group>
          <div>
            <Group justify="space-between" mb={4}>
              <SegmentedControl
                size="xs"
                aria-label="The same"
                data={[
                  { value: "yaml", label: "The same in tollway.yaml" },
                  { value: "api", label: "POST /api/v1/budgets" },
                ]}
                value={form}
                onChange={(value) => setForm(value as "api")}
              />
              <CopyIcon text={form === "yaml" ? inFile : api} what="the settings" />
            </Group>
            <Code block className="tw-code" tabIndex={0}>
              {form === "yaml" ? inFile : api}
            </Code>
          </div>
        </Stack>
      </form>
      <Effects effects={effects} ready={ready} limit={amount} parent={parentOf} budgets={budgets} />
    </div>
  );
}
