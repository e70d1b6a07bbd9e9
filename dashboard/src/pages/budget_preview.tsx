/** What a proposed budget would have done in the past, in words and by person. */

import { Alert, Table, Text } from "@mantine/core";
import { IconCircleCheck, IconFlame } from "@tabler/icons-react";
import type { Schemas } from "../api/client";
import { Amount } from "../pieces/amount";
import { count, instant } from "../time";
import { partOfLimit, whole } from "./budget_replay";
import "./budgets.css";

type Replay = Schemas["BudgetReplay"];

/** The entry as it is simulated: by itself, since its parent is not proposed beside it. */
export function alone(entry: Record<string, unknown> | null): Record<string, unknown> {
  return Object.fromEntries(Object.entries(entry ?? {}).filter(([name]) => name !== "parent"));
}

export function Preview({ answer, warnings }: { answer: unknown; warnings: readonly string[] }) {
  const budgets = (answer as { budgets?: Replay[] }).budgets ?? [];
  const found = budgets[0];
  if (!found) return null;
  const hurts = found.blocked > 0;
  const all = whole(found);
  return (
    <Alert
      className="tw-preview"
      data-hurts={hurts || undefined}
      color={hurts ? "yellow" : "teal"}
      variant="outline"
      role="status"
      icon={hurts ? <IconFlame size={18} /> : <IconCircleCheck size={18} />}
      title={hurts ? `${count(found.blocked)} of ${count(all.requests)} requests would have been refused` : "Nobody would have been refused"}
    >
      <Text size="sm">
        {hurts ? (
          <>
            Of <Amount of={all.amount} fw={600} /> in the last 30 days, <Amount of={found.blocked_usd} fw={600} /> would not have been spent
          </>
        ) : (
          <>
            In the last 30 days it counts <Amount of={all.amount} fw={600} />
          </>
        )}
        {found.first_blocked_at && `; the first refusal on ${instant(found.first_blocked_at)}`}.
        {found.peak && (
          <>
            {" "}
            At its highest <Amount of={found.peak.spent_usd} fw={600} /> of <Amount of={found.peak.limit_usd} />
            {found.peak.percent !== null && ` (${partOfLimit(found.peak.percent)})`}.
          </>
        )}
        {found.downgraded > 0 && ` ${count(found.downgraded)} would have gone to a cheaper model.`}
        {all.unpriced > 0 && ` ${count(all.unpriced)} have no price and are in no sum.`}
      </Text>
      {warnings.map((warning) => (
        <Text key={warning} size="sm" mt={4}>
          {warning}
        </Text>
      ))}
      {hurts && (
        <Table mt="xs" aria-label="Who would have been refused">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Who</Table.Th>
              <Table.Th ta="right">Requests</Table.Th>
              <Table.Th ta="right">Not spent</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {found.by_user.slice(0, 6).map((group) => (
              <Table.Tr key={group.name ?? ""}>
                <Table.Td>{group.name ?? "nobody named"}</Table.Td>
                <Table.Td ta="right">{count(group.requests)}</Table.Td>
                <Table.Td ta="right">
                  <Amount of={group.amount_usd} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Alert>
  );
}
