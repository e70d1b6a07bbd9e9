/** One budget: its accounts, what is done at its limit, and the means to change it, with the effect before the act. */

import { Alert, Drawer, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useApi } from "../api/client";
import { useWho } from "../api/session";
import { nanodollars, shown } from "../money";
import { Amount } from "../pieces/amount";
import { BudgetBar, StateMark, stateOf } from "../pieces/budget_bar";
import { instant, minute, relative } from "../time";
import { BudgetEdit } from "./budget_edit";
import { Freeze, Increases, Suggestion } from "./budget_controls";
import { BudgetRemove } from "./budget_remove";
import { Channels, useTold, WatchedBy } from "./budget_told";
import { accountName, raised, reached, selects, standing, type Budget } from "./budget_math";
import { Facts } from "./request_panel";

interface Props {
  budget: Budget | undefined;
  missing: boolean;
  close: () => void;
}

export function BudgetPanel({ budget, missing, close }: Props) {
  return (
    <Drawer
      opened={!!budget || missing}
      onClose={close}
      position="right"
      size={620}
      title={budget?.name ?? "Budget"}
      closeButtonProps={{ "aria-label": "Close the budget" }}
    >
      {budget ? (
        <Shown key={budget.id} budget={budget} close={close} />
      ) : (
        <Alert color="gray" title="There is no such budget">
          It may have been taken out since. The audit log says by whom.
        </Alert>
      )}
    </Drawer>
  );
}

function Shown({ budget, close }: { budget: Budget; close: () => void }) {
  const { may } = useWho();
  const [find, setFind] = useState("");
  const told = useTold(budget);
  const now = Date.now();
  const at = budget.alerts.map((percent) => `${percent} %`).join(", ");
  const tells =
    at || told.rules.length > 0 ? (
      <div key="tells">
        {at && (told.channels ? <><Channels of={told.channels} /> at {at}</> : `at ${at}`)}
        <WatchedBy rules={told.rules} />
      </div>
    ) : null;
  // The list has the tightest few hundred; whoever looks for one by name looks among all of them.
  const all = useApi(
    "/api/v1/budgets/{budget_id}",
    { path: { budget_id: budget.id }, query: { accounts: 10_000 } },
    { enabled: find !== "" && budget.accounts_total > budget.accounts.length },
  );
  const accounts = (all.data?.accounts ?? budget.accounts).filter((account) => account.account.toLowerCase().includes(find.toLowerCase()));
  return (
    <Stack gap="lg" pb="xl">
      <Facts
        facts={[
          ["Counts", selects(budget)],
          ["Limit", <Limit key="limit" budget={budget} />],
          ["Window", budget.window_text],
          ["At the limit", budget.mode === "monitor" ? "nothing is refused: it only watches" : "requests are refused"],
          ["Before it", budget.actions.map((action) => `at ${action.at_percent} %: ${action.do}${action.to ? ` to ${action.to}` : ""}`).join(", ") || null],
          ["Tells", tells],
          ["Refused last", budget.last_hit ? <Hit key="hit" budget={budget} /> : "nobody in 30 days"],
          ["Part of", budget.parent],
          ["Note", budget.note || null],
          ["Id", budget.id],
        ]}
      />
      <section>
        <Group justify="space-between" mb="xs">
          <Title order={3}>{budget.split_by.length > 0 ? `Accounts (${budget.accounts_total})` : "Where it stands"}</Title>
          {budget.accounts.length > 6 && (
            <TextInput size="xs" aria-label="Find an account" placeholder="Find an account" value={find} onChange={(event) => setFind(event.currentTarget.value)} />
          )}
        </Group>
        {accounts.length === 0 && (
          <Text size="sm" c="dimmed">
            {find ? "No account is called that." : "Nothing was spent of it in this window yet."}
          </Text>
        )}
        {accounts.slice(0, 100).map((account) => {
          const stands = standing(account, budget, now);
          return (
            <div key={account.account} className="tw-near">
              <Group justify="space-between" mb={4} gap="xs">
                <Text size="sm" fw={500}>
                  {accountName(account)}
                </Text>
                <Group gap="sm">
                  {may("controls:write") && budget.split_by.length > 0 && <Freeze budget={budget} account={account} />}
                  <StateMark state={stateOf(stands)} frozen={account.frozen} watched={budget.mode === "monitor"} />
                </Group>
              </Group>
              <BudgetBar {...stands} />
              <Text size="xs" c="dimmed" mt={4}>
                spent <Amount of={stands.spent} fw={500} /> · held <Amount of={stands.held} /> · left{" "}
                <Amount of={account.available_usd} unknown="no limit" />
                {stands.forecast ? ` · on pace for ${shown(stands.forecast)}` : ""}
                {reached(stands, budget, account, now)}
                {account.resets_at && ` · resets ${minute(account.resets_at)}, ${relative(account.resets_at, now)}`}
              </Text>
              {account.limit_note && (
                <Text size="xs" c="dimmed">
                  {account.limit_note}
                </Text>
              )}
            </div>
          );
        })}
      </section>
      {may("simulate:read") && <Suggestion budget={budget} />}
      {may("budgets:write") && <BudgetEdit budget={budget} />}
      <Increases budget={budget} writes={may("controls:write")} />
      {may("controls:write") && (
        <section>
          <Title order={3} mb="xs">
            Freeze
          </Title>
          <Freeze budget={budget} />
        </section>
      )}
      {may("budgets:write") && <BudgetRemove budget={budget} gone={close} />}
    </Stack>
  );
}

function Limit({ budget }: { budget: Budget }) {
  const raise = raised(budget);
  if (raise === null) return <Amount of={budget.limit_usd} />;
  return (
    <>
      <Amount of={nanodollars(budget.limit_usd) + raise.more} /> until {raise.until ? minute(raise.until) : "it is ended"} (<Amount of={budget.limit_usd} /> and{" "}
      <Amount of={raise.more} /> more)
    </>
  );
}

function Hit({ budget }: { budget: Budget }) {
  if (!budget.last_hit) return null;
  return (
    <Link to="/requests" search={{ open: budget.last_hit.request_id, range: "30d" } as never} className="tw-link">
      {instant(budget.last_hit.at)}, {budget.last_hit.code.replaceAll("_", " ")}
    </Link>
  );
}
