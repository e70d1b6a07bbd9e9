/** Quiet for a while: events are kept, and sent to nobody. */

import { Button, Group, Select, Text } from "@mantine/core";
import { useState } from "react";
import { useApi, useChange } from "../api/client";
import { useWho } from "../api/session";
import { Failed } from "../pieces/states";
import { iso, minute, relative } from "../time";

const LENGTHS = [
  { value: "1", label: "for an hour" },
  { value: "4", label: "for 4 hours" },
  { value: "24", label: "for a day" },
  { value: "168", label: "for a week" },
];
const HOUR_MS = 3_600_000;

export function Snooze({ target }: { target?: string }) {
  const { may, name } = useWho();
  const [chosen, setChosen] = useState(target ?? "*");
  const [hours, setHours] = useState("4");
  const snoozes = useApi("/api/v1/alerts/snoozes", {}, { every: 60_000 });
  const budgets = useApi("/api/v1/budgets", { query: { accounts: 0 } }, { enabled: may("budgets:read") && !target });
  const snooze = useChange("post", "/api/v1/alerts/snooze");
  const now = Date.now();
  const writes = may("alerts:write");
  const quiet = (until: number, of: string) => snooze.mutate({ body: { target: of, until: iso(until), by: name ?? "somebody" } });
  const there = (snoozes.data?.items ?? []).filter((each) => !target || each.target === target || each.target === "*");
  return (
    <div>
      {there.map((each) => (
        <Group key={each.target} justify="space-between" gap="xs" className="tw-near" wrap="nowrap">
          <Text size="sm">
            <b>{each.target === "*" ? "Everything" : each.target}</b> is quiet until {minute(each.until)}
            <Text size="xs" c="dimmed">
              {relative(each.until, now)}, by {each.by}
            </Text>
          </Text>
          {writes && (
            <Button variant="default" size="compact-xs" loading={snooze.isPending} onClick={() => quiet(now - 1000, each.target)}>
              End it
            </Button>
          )}
        </Group>
      ))}
      {snooze.error && <Failed error={snooze.error} what="It was not changed" />}
      {writes && (
        <Group gap="xs" mt={there.length > 0 ? "xs" : 0}>
          {!target && (
            <Select
              size="xs"
              aria-label="What to keep quiet"
              data={[{ value: "*", label: "everything" }, ...(budgets.data?.items ?? []).map((budget) => ({ value: budget.id, label: budget.name }))]}
              value={chosen}
              onChange={(value) => setChosen(value ?? "*")}
              w={140}
            />
          )}
          <Select size="xs" aria-label="For how long" data={LENGTHS} value={hours} onChange={(value) => setHours(value ?? "4")} w={115} />
          <Button variant="default" loading={snooze.isPending} onClick={() => quiet(Date.now() + Number(hours) * HOUR_MS, target ?? chosen)}>
            Keep quiet
          </Button>
        </Group>
      )}
    </div>
  );
}
