/** A rule as a sentence: tell whom, when what happens, of which budgets. */

import { Button, Code, Drawer, Group, MultiSelect, NumberInput, Select, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState, type FormEvent } from "react";
import { useApi, useChange } from "../api/client";
import { useWho } from "../api/session";
import { Failed } from "../pieces/states";
import { useUnsaved } from "../pieces/unsaved";
import { MEANINGS, type Kind, type Rule } from "./alert_words";
import { yaml } from "./budget_yaml";
import "./budgets.css";

export function AlertRule({ rule, opened, close }: { rule: Rule | undefined; opened: boolean; close: () => void }) {
  return (
    <Drawer opened={opened} onClose={close} position="right" size={620} title={rule ? rule.name : "New rule"} closeButtonProps={{ "aria-label": "Close the rule" }}>
      {opened && <Form key={rule?.name ?? "new"} rule={rule} close={close} />}
    </Drawer>
  );
}

function Form({ rule, close }: { rule: Rule | undefined; close: () => void }) {
  const { may } = useWho();
  const writes = may("alerts:write");
  const [name, setName] = useState(rule?.name ?? "");
  const [when, setWhen] = useState<Kind>(rule?.when ?? "forecast");
  const [at, setAt] = useState<string[]>((rule?.at ?? []).map(String));
  const [budgets, setBudgets] = useState<string[]>(rule?.budgets ?? []);
  const [channels, setChannels] = useState<string[]>(rule?.channels ?? []);
  const [split, setSplit] = useState<string[]>(rule?.split_by ?? ["user"]);
  const [per, setPer] = useState<number | string>(rule?.per_s ?? 300);
  const [once, setOnce] = useState<number | string>(rule?.once_per_s ?? "");
  const there = useApi("/api/v1/alerts/channels");
  const known = useApi("/api/v1/budgets", { query: { accounts: 0 } }, { enabled: may("budgets:read") });
  const save = useChange("put", "/api/v1/alerts/rules/{name}");
  const remove = useChange("delete", "/api/v1/alerts/rules/{name}");
  const meaning = MEANINGS[when];
  const entry: Record<string, unknown> = {
    // What this form does not ask stays as it was.
    ...(rule?.when === when ? kept(rule) : {}),
    name: name.trim(),
    when,
    ...(meaning.ofBudgets && budgets.length > 0 ? { budgets } : {}),
    ...(meaning.at && at.length > 0 ? { at: when === "velocity" ? at : at.map(Number) } : {}),
    ...(when === "velocity" ? { split_by: split, per_s: Number(per) } : {}),
    ...(once !== "" && TAKES_ONCE.includes(when) ? { once_per_s: Number(once) } : {}),
    ...(channels.length > 0 ? { channels } : {}),
  };
  // As it was when it was opened.
  const typed = JSON.stringify(entry);
  const [begun] = useState(typed);
  const { question, saved } = useUnsaved(writes && typed !== begun);
  const ready = /^[a-z0-9][a-z0-9_-]*$/.test(name.trim()) && (!["spent", "burn_rate", "velocity"].includes(when) || at.length > 0) && (when !== "velocity" || split.length > 0);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(
      { path: { name: name.trim() }, body: entry },
      {
        onSuccess: (done) => {
          notifications.show({ title: `${name.trim()} is asked from now on`, message: done.warnings.join(" "), color: done.warnings.length ? "yellow" : "teal" });
          saved();
          close();
        },
      },
    );
  };
  const takeOut = () =>
    remove.mutate(
      { path: { name: name.trim() } },
      {
        onSuccess: () => {
          saved();
          close();
        },
      },
    );
  return (
    <form onSubmit={submit} aria-label="Alert rule">
      {question}
      <Stack gap="md" pb="xl">
        <TextInput
          label="Name"
          description="small letters, digits and dashes; it stands in the settings"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          disabled={!!rule || !writes}
          error={name !== "" && !/^[a-z0-9][a-z0-9_-]*$/.test(name.trim()) ? "Write it as monthly-pace" : undefined}
          required
          data-autofocus={rule ? undefined : true}
        />
        <div className="tw-words">
          <span>Tell</span>
          <MultiSelect
            aria-label="Channels"
            placeholder={channels.length ? undefined : "the default channels"}
            data={(there.data?.items ?? []).map((channel) => channel.name)}
            value={channels}
            onChange={setChannels}
            disabled={!writes}
            miw={210}
          />
          <span>when</span>
          <Select
            aria-label="When"
            data={Object.entries(MEANINGS).map(([value, { says }]) => ({ value, label: says }))}
            value={when}
            onChange={(value) => {
              const kind = (value ?? "forecast") as Kind;
              setWhen(kind);
              setAt([...(MEANINGS[kind].first ?? [])]);
            }}
            disabled={!writes}
            w={370}
            maw="100%"
          />
          {meaning.at && (
            <>
              <span>at</span>
              <TagsInput aria-label={`At, ${meaning.at}`} placeholder={at.length ? undefined : (meaning.first ?? []).join(", ")} value={at} onChange={setAt} acceptValueOnBlur disabled={!writes} miw={150} />
              <span>{meaning.at}</span>
            </>
          )}
          {when === "velocity" && (
            <>
              <span>within</span>
              <NumberInput aria-label="Within seconds" value={per} onChange={setPer} hideControls disabled={!writes} w={80} />
              <span>seconds, for each</span>
              <TagsInput aria-label="For each" data={["user", "key", "service", "metadata.session"]} value={split} onChange={setSplit} acceptValueOnBlur disabled={!writes} miw={150} />
            </>
          )}
          {meaning.ofBudgets && (
            <>
              <span>of</span>
              <MultiSelect
                aria-label="Budgets"
                placeholder={budgets.length ? undefined : "every budget"}
                data={[...new Set([...(known.data?.items ?? []).map((budget) => budget.id), ...budgets])]}
                value={budgets}
                onChange={setBudgets}
                disabled={!writes}
                miw={190}
              />
            </>
          )}
          {TAKES_ONCE.includes(when) && (
            <>
              <span>once in</span>
              <NumberInput aria-label="Once in seconds" placeholder="as usual" value={once} onChange={setOnce} hideControls disabled={!writes} w={100} />
              <span>seconds</span>
            </>
          )}
        </div>
        {save.error && <Failed error={save.error} what="The rule was not saved" />}
        {remove.error && <Failed error={remove.error} what="The rule was not taken out" />}
        {writes ? (
          <Group gap="xs">
            <Button type="submit" disabled={!ready} loading={save.isPending}>
              Put in force
            </Button>
            {rule && (
              <Button variant="default" loading={remove.isPending} onClick={takeOut}>
                Take it out
              </Button>
            )}
          </Group>
        ) : (
          <Text size="xs" c="dimmed">
            Your role may see rules, and not change them.
          </Text>
        )}
        <div>
          <Text size="xs" fw={600} mb={4}>
            The same in tollway.yaml
          </Text>
          <Code block className="tw-code" tabIndex={0}>
            {yaml("alerts", entry)}
          </Code>
        </div>
      </Stack>
    </form>
  );
}

const TAKES_ONCE: readonly Kind[] = ["burn_rate", "velocity", "unpriced", "store", "hold_exceeded", "export"];

function kept({ fast_s, slow_s, min_elapsed }: Rule): Partial<Rule> {
  return Object.fromEntries(Object.entries({ fast_s, slow_s, min_elapsed }).filter(([, value]) => value !== undefined));
}
