/** Changing a limit: what last month would have been is shown before anything changes. */

import { Alert, Button, Group, SegmentedControl, Stack, Switch, TextInput, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState, type FormEvent } from "react";
import { ask, useChange, useQuestion } from "../api/client";
import { useMutation } from "@tanstack/react-query";
import { decimal, nanodollars, typed } from "../money";
import { Failed } from "../pieces/states";
import { iso, span } from "../time";
import type { Budget } from "./budget_math";
import { alone, Preview } from "./budget_preview";
import { amountWrong } from "./budget_wrong";
import "./caution.css";

export function BudgetEdit({ budget }: { budget: Budget }) {
  const [limit, setLimit] = useState(budget.limit_usd);
  const [mode, setMode] = useState<string>(budget.mode);
  const [enabled, setEnabled] = useState(budget.enabled);
  const amount = typed(limit);
  const wrong = limit.trim() === "" ? "Write an amount such as 250 or 0.50" : amountWrong(limit);
  const changes = {
    ...(amount !== null && amount !== nanodollars(budget.limit_usd) ? { limit: decimal(amount) } : {}),
    ...(mode !== budget.mode ? { mode } : {}),
    ...(enabled !== budget.enabled ? { enabled } : {}),
  };
  const changed = Object.keys(changes).length > 0;
  const simulate = useQuestion("/api/v1/simulate");
  const preview = useMutation({
    mutationFn: async () => {
      const dry = await ask("patch", "/api/v1/budgets/{budget_id}", {
        path: { budget_id: budget.id },
        query: { dry_run: true },
        body: changes,
      });
      const past = span("30d", Date.now());
      const answer = await simulate.mutateAsync({
        body: { budgets: [alone(dry.after)], since: iso(past.since), until: iso(past.until) },
      });
      return { dry, answer };
    },
  });
  const save = useChange("patch", "/api/v1/budgets/{budget_id}");
  // What was said of other fields says nothing of these.
  const anew = () => {
    preview.reset();
    if (save.error) save.reset();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!changed || wrong !== null) return;
    save.mutate(
      { path: { budget_id: budget.id }, body: changes },
      {
        onSuccess: (answer) => {
          preview.reset();
          notifications.show({ message: `${budget.name} is changed; revision ${answer.revision} is in force`, color: "teal" });
        },
      },
    );
  };
  return (
    <form onSubmit={submit} aria-label="Change the budget">
      <Title order={3} mb="xs">
        Change it
      </Title>
      <Stack gap="sm">
        <Group align="end" gap="md">
          <TextInput
            label="Limit, in US dollars"
            value={limit}
            inputMode="decimal"
            onChange={(event) => {
              setLimit(event.currentTarget.value);
              anew();
            }}
            error={wrong}
            w={180}
          />
          <SegmentedControl
            aria-label="At the limit"
            size="xs"
            data={[
              { value: "enforce", label: "Refuse" },
              { value: "monitor", label: "Only watch" },
            ]}
            value={mode}
            onChange={(value) => {
              setMode(value);
              anew();
            }}
          />
          <Switch
            label="In use"
            checked={enabled}
            onChange={(event) => {
              setEnabled(event.currentTarget.checked);
              anew();
            }}
          />
        </Group>
        <Group gap="xs">
          <Button variant="default" disabled={!changed || wrong !== null} loading={preview.isPending} onClick={() => preview.mutate()}>
            Show what the last 30 days would have been
          </Button>
          <Button type="submit" disabled={!changed || wrong !== null} loading={save.isPending}>
            Put in force
          </Button>
        </Group>
        {preview.error && <Failed error={preview.error} what="The preview failed" />}
        {preview.data && <Preview answer={preview.data.answer} warnings={preview.data.dry.warnings} />}
        {save.error && <Failed error={save.error} what="The budget was not changed" />}
        {save.data && save.data.warnings.length > 0 && (
          <Alert className="tw-caution" color="yellow" variant="outline" title="In force, and worth a look">
            {save.data.warnings.join(" ")}
          </Alert>
        )}
      </Stack>
    </form>
  );
}
