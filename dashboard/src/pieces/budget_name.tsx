/** A budget by its name, with its id beside it where that is another word. */

import { Text } from "@mantine/core";
import { useApi } from "../api/client";
import { useWho } from "../api/session";

/** Asked once for all of a page. Of a budget that was taken out, or to whom budgets are not shown, there is the id alone. */
export function BudgetName({ id }: { id: string }) {
  const { may } = useWho();
  const budgets = useApi("/api/v1/budgets", { query: { accounts: 0 } }, { enabled: may("budgets:read") });
  const name = budgets.data?.items.find((budget) => budget.id === id)?.name;
  if (!name || name === id) return <>{id}</>;
  return (
    <>
      {name}{" "}
      <Text span size="xs" c="dimmed">
        {id}
      </Text>
    </>
  );
}
