/** What the budgets in force would have said to a stretch of the past, and what limits that past suggests. */

import { Drawer, Group, SegmentedControl, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { ask, type Schemas } from "../api/client";
import { Amount } from "../pieces/amount";
import { Failed, Loading } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { count, iso, span } from "../time";
import { dayInWords } from "./budget_math";
import { partOfLimit } from "./budget_replay";

type Replayed = Schemas["BudgetReplay"];
type Answer = Schemas["tollway__admin__simulate__SimulateAnswer"];
const PASTS = { "7d": "Last 7 days", "30d": "Last 30 days", "last-month": "Last month" } as const;

export function BudgetSimulator({ opened, close }: { opened: boolean; close: () => void }) {
  return (
    <Drawer opened={opened} onClose={close} position="right" size={820} title="What would these budgets have done?" closeButtonProps={{ "aria-label": "Close the simulator" }}>
      {opened && <Shown />}
    </Drawer>
  );
}

function Shown() {
  const [past, setPast] = useState<keyof typeof PASTS>("30d");
  const replay = useQuery({
    queryKey: ["simulate", past],
    queryFn: () => {
      const { since, until } = span(past, Date.now());
      return ask("post", "/api/v1/simulate", { body: { since: iso(since), until: iso(until), suggest: true } }) as Promise<Answer>;
    },
    staleTime: 60_000,
    retry: false,
  });
  const found = replay.data;
  const base = found?.suggestions?.[0];
  const columns = useMemo(() => columnsOf(new Map(found?.suggestions?.map((each) => [each.id, each.suggested_usd]))), [found]);
  return (
    <Stack pb="xl">
      <Group justify="space-between">
        <SegmentedControl size="xs" aria-label="Which past" data={Object.entries(PASTS).map(([value, label]) => ({ value, label }))} value={past} onChange={(value) => setPast(value as "30d")} />
        {found && (
          <Text size="sm">
            {count(found.total.requests)} requests, <b>{count(found.total.blocked)}</b> would have been refused
            {found.total.unpriced > 0 && <span className="tw-dim">, {count(found.total.unpriced)} without a price</span>}
          </Text>
        )}
      </Group>
      <Text size="sm" c="dimmed">
        Every request of that time is judged by the budgets that are in force now, as the ledger has it. To try another limit, open a budget and change it: the effect is shown first.
        {base &&
          ` Limits are suggested by what was spent since ${dayInWords(base.since)}${past === "last-month" ? ` until ${dayInWords(base.until)}` : ""}; the panel of a budget may look back further, and says since when.`}
      </Text>
      {replay.error ? (
        <Failed error={replay.error} what="It cannot be simulated" again={() => void replay.refetch()} />
      ) : !found ? (
        <Loading rows={6} />
      ) : (
        <DataTable fixed label="Budgets replayed" columns={columns} rows={found.budgets} keyOf={(budget) => budget.id} />
      )}
    </Stack>
  );
}

function columnsOf(suggested: ReadonlyMap<string, string | null>): readonly Column<Replayed>[] {
  return [
    {
      id: "name",
      head: "Budget",
      cell: (budget) => (
        <>
          <Link to="/budgets" search={{ open: budget.id } as never} className="tw-link">
            {budget.name}
          </Link>
          {budget.mode === "monitor" && (
            <Text size="xs" c="dimmed">
              only watches
            </Text>
          )}
        </>
      ),
    },
    {
      id: "counted",
      head: "Counted",
      number: true,
      cell: (budget) => (
        <>
          {count(budget.requests)}
          {budget.unpriced > 0 && (
            <Text size="xs" c="dimmed">
              {count(budget.unpriced)} without a price
            </Text>
          )}
        </>
      ),
    },
    { id: "spent", head: "Spent", number: true, cell: (budget) => <Amount of={budget.spent_usd} /> },
    { id: "peak", head: "Highest", number: true, cell: (budget) => (budget.peak?.percent === null || !budget.peak ? "—" : partOfLimit(budget.peak.percent)) },
    {
      id: "refused",
      head: "Refused",
      number: true,
      cell: (budget) =>
        budget.blocked === 0 ? (
          "0"
        ) : budget.mode === "monitor" ? (
          // It would have been, and is not: such a budget refuses nothing.
          <span className="tw-dim">{count(budget.blocked)}, only watched</span>
        ) : (
          <Text span inherit fw={600} c="var(--tw-over)">
            {count(budget.blocked)}
          </Text>
        ),
    },
    {
      id: "unspent",
      head: "Not spent",
      number: true,
      cell: (budget) => (
        <>
          <Amount of={budget.blocked_usd} c={budget.mode === "monitor" ? "dimmed" : undefined} />
          {budget.blocked_unpriced > 0 && (
            <Text size="xs" c="dimmed">
              {count(budget.blocked_unpriced)} without a price
            </Text>
          )}
        </>
      ),
    },
    { id: "limit", head: "Limit", number: true, cell: (budget) => <Amount of={budget.limit_usd} /> },
    { id: "suggested", head: "Suggested", number: true, cell: (budget) => <Amount of={suggested.get(budget.id)} unknown="too little known" /> },
  ];
}
