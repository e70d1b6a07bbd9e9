/** A new budget as a sentence: who may spend how much, on what, in which time, and what happens then. */

import { Button, Code, Drawer, Group, Select, Stack, Switch, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { ask, useChange } from "../api/client";
import { decimal, typed } from "../money";
import { Failed } from "../pieces/states";
import { iso, span, ZONE } from "../time";
import { alone, Preview } from "./budget_preview";

interface Props {
  opened: boolean;
  close: () => void;
  made: (id: string) => void;
}

const EACH = [
  { value: "", label: "all together" },
  { value: "user", label: "each person apart" },
  { value: "key", label: "each key apart" },
  { value: "model", label: "each model apart" },
];
const WHO = [
  { value: "", label: "everyone" },
  { value: "group", label: "in the group" },
  { value: "user", label: "the person" },
  { value: "key", label: "with the key" },
  { value: "service", label: "the service" },
];

export function BudgetNew({ opened, close, made }: Props) {
  return (
    <Drawer opened={opened} onClose={close} position="right" size={560} title="New budget" closeButtonProps={{ "aria-label": "Close the new budget" }}>
      {opened && <Sentence made={made} />}
    </Drawer>
  );
}

function Sentence({ made }: { made: (id: string) => void }) {
  const [name, setName] = useState("");
  const [who, setWho] = useState("");
  const [whom, setWhom] = useState("");
  const [each, setEach] = useState("");
  const [limit, setLimit] = useState("");
  const [period, setPeriod] = useState("month");
  const [model, setModel] = useState("");
  const [watch, setWatch] = useState(true);
  const amount = typed(limit);
  const where = { ...(who && whom ? { [who]: whom } : {}), ...(model ? { model } : {}) };
  const entry = {
    name: name.trim(),
    limit: amount === null ? "" : decimal(amount),
    window: { period, timezone: ZONE },
    ...(Object.keys(where).length > 0 ? { where } : {}),
    ...(each ? { split_by: [each] } : {}),
    ...(watch ? { mode: "monitor" } : {}),
    alerts: [50, 80, 100],
  };
  const ready = entry.name !== "" && amount !== null && (!who || whom !== "");
  const preview = useMutation({
    mutationFn: async () => {
      const dry = await ask("post", "/api/v1/budgets", { query: { dry_run: true }, body: entry });
      const past = span("30d", Date.now());
      return {
        dry,
        answer: await ask("post", "/api/v1/simulate", { body: { budgets: [alone(dry.after)], since: iso(past.since), until: iso(past.until) } }),
      };
    },
  });
  const save = useChange("post", "/api/v1/budgets");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(
      { body: entry },
      {
        onSuccess: (answer) => {
          notifications.show({ message: `${entry.name} is in force`, color: "teal" });
          made(answer.id);
        },
      },
    );
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <TextInput label="Name" value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus required />
        <Group grow align="end">
          <Select label="Who" data={WHO} value={who} onChange={(value) => setWho(value ?? "")} />
          {who && <TextInput label={WHO.find((one) => one.value === who)?.label ?? ""} value={whom} onChange={(event) => setWhom(event.currentTarget.value)} required />}
          <Select label="Counted" data={EACH} value={each} onChange={(value) => setEach(value ?? "")} />
        </Group>
        <Group grow align="start">
          <TextInput
            label="May spend, in US dollars"
            inputMode="decimal"
            value={limit}
            onChange={(event) => setLimit(event.currentTarget.value)}
            error={limit && amount === null ? "Write an amount such as 250" : undefined}
            required
          />
          <Select label="In a" data={["hour", "day", "week", "month", "quarter", "year"]} value={period} onChange={(value) => setPeriod(value ?? "month")} description={undefined} />
        </Group>
        <TextInput label="On models" placeholder="all of them, or anthropic/claude-opus-*" value={model} onChange={(event) => setModel(event.currentTarget.value)} />
        <Switch
          label="Only watch at first"
          description="Nothing is refused until you switch this off: the numbers are the same."
          checked={watch}
          onChange={(event) => setWatch(event.currentTarget.checked)}
        />
        <Group gap="xs">
          <Button variant="default" disabled={!ready} loading={preview.isPending} onClick={() => preview.mutate()}>
            Show what the last 30 days would have been
          </Button>
          <Button type="submit" disabled={!ready} loading={save.isPending}>
            Put in force
          </Button>
        </Group>
        {preview.error && <Failed error={preview.error} what="The preview failed" />}
        {preview.data && <Preview answer={preview.data.answer} warnings={preview.data.dry.warnings} />}
        {save.error && <Failed error={save.error} what="The budget was not made" />}
        <div>
          <Text size="xs" fw={600} mb={4}>
            The same by the API: POST /api/v1/budgets
          </Text>
          <Code block className="tw-code" tabIndex={0}>
            {JSON.stringify(entry, null, 1)}
          </Code>
        </div>
      </Stack>
    </form>
  );
}
