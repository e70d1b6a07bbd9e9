/** Are we all right? */

import { Anchor, Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useApi, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { nanodollars, times, type Nanodollars } from "../money";
import { Amount, Change } from "../pieces/amount";
import { BudgetBar, partOf, StateMark, stateOf } from "../pieces/budget_bar";
import { Chip } from "../pieces/chip";
import { Page, Panel } from "../pieces/page";
import { bucketsOf, SpendChart } from "../pieces/spend_chart";
import { Empty, Failed, Loading } from "../pieces/states";
import { TopList } from "../pieces/top_list";
import { carried, useAddress, useSpan } from "../shell/address";
import { before, count, instant, iso, relative, span } from "../time";
import { accountName, standing, tightest, used } from "./budget_math";

const POLL = 15_000;

export function Overview() {
  const [address] = useAddress();
  const { may } = useWho();
  const { since, until, query } = useSpan();
  const gateway = address.gateway;
  const grain = until - since <= 2 * 86_400_000 ? "hour" : "day";
  const series = useApi("/api/v1/spend", { query: { ...query, gateway, group_by: `${grain},model` } }, { every: POLL });
  const people = useApi("/api/v1/spend", { query: { ...query, gateway, group_by: "user" } }, { every: POLL });
  const buckets = useMemo(() => bucketsOf(since, until, grain), [since, until, grain]);
  const pieces = useMemo(
    () =>
      (series.data?.rows ?? []).map((row) => ({
        at: row.group[grain] ?? "",
        name: row.group.model ?? "unknown",
        amount: nanodollars(row.spent_usd),
      })),
    [series.data, grain],
  );
  const total = series.data ? nanodollars(series.data.total.spent_usd) : 0n;
  const models = useMemo(() => {
    const found = new Map<string, Nanodollars>();
    for (const { name, amount } of pieces) found.set(name, (found.get(name) ?? 0n) + amount);
    return [...found].map(([name, amount]) => ({ name, amount })).sort((a, b) => (a.amount < b.amount ? 1 : -1));
  }, [pieces]);
  const unpriced = series.data?.total.unpriced ?? 0;
  return (
    <Page title="Overview" question="Are we all right?">
      <div className="tw-grid tw-grid-3">
        <Period range="today" title="Today" than="yesterday by now" gateway={gateway} />
        <Period range="week" title="This week" than="last week by now" gateway={gateway} />
        <Period range="month" title="This month" than="last month by now" gateway={gateway} />
      </div>
      {series.error ? (
        <Failed error={series.error} what="Spend cannot be shown" again={() => void series.refetch()} />
      ) : (
        <div className="tw-stack">
          <Panel
            title="Spend by model"
            hint={
              series.data && (
                <>
                  <Amount of={total} fw={600} /> in {count(series.data.total.entries)} charges
                </>
              )
            }
            actions={
              unpriced > 0 && (
                <Anchor component={Link} to="/prices" search={{ tab: "unpriced" } as never} underline="never">
                  <Chip tone="unpriced">{count(unpriced)} without a price</Chip>
                </Anchor>
              )
            }
          >
            {!series.data ? (
              <Loading rows={1} height={240} />
            ) : pieces.length === 0 ? (
              <Empty title="Nothing was spent in this range" command="tollway demo">
                Send a request with a gateway key, as “Set up a client” shows, or look at the demo, which needs no key.
              </Empty>
            ) : (
              <SpendChart pieces={pieces} buckets={buckets} />
            )}
          </Panel>
          <div className="tw-grid tw-grid-wide">
            <Nearest />
            {may("logs:read") && <Refused gateway={gateway} query={query} />}
          </div>
          <div className="tw-grid">
            <Panel title="Most by person">
              {people.data ? (
                <TopList
                  lines={people.data.rows.map((row) => ({ name: row.group.user ?? null, amount: nanodollars(row.spent_usd) }))}
                  total={nanodollars(people.data.total.spent_usd)}
                  nobody="services and keys without a person"
                />
              ) : (
                <Loading rows={4} />
              )}
            </Panel>
            <Panel title="Most by model">{series.data ? <TopList lines={models.filter((line) => line.amount !== 0n)} total={total} /> : <Loading rows={4} />}</Panel>
          </div>
        </div>
      )}
    </Page>
  );
}

interface PeriodProps {
  range: "today" | "week" | "month";
  title: string;
  than: string;
  gateway?: string;
}

/** A period so far, against the same point of the one before. */
function Period({ range, title, than, gateway }: PeriodProps) {
  const now = Math.floor(Date.now() / 30_000) * 30_000 + 30_000;
  const { since } = span(range, now);
  const past = before(range, now);
  const here = useApi("/api/v1/spend", { query: { since: iso(since), until: iso(now), gateway } }, { every: POLL });
  const there = useApi("/api/v1/spend", { query: { since: iso(past.since), until: iso(past.until), gateway } });
  const spent = here.data && nanodollars(here.data.total.spent_usd);
  const ends = endOf(range, since);
  const pace = spent !== undefined && now - since > (ends - since) / 20 ? times(spent, BigInt(ends - since), BigInt(now - since)) : null;
  return (
    <Panel title={title} hint={range === "today" ? undefined : "so far"}>
      {here.error ? (
        <Failed error={here.error} what="This sum cannot be shown" again={() => void here.refetch()} />
      ) : spent === undefined ? (
        <Loading rows={2} height={28} />
      ) : (
        <>
          <Amount of={spent} className="tw-headline" />
          {there.data && <Change now={spent} before={nanodollars(there.data.total.spent_usd)} than={than} />}
          <Text size="xs" c="dimmed" mt={4}>
            {pace === null ? (
              "too early for a forecast"
            ) : (
              <>
                on pace for <Amount of={pace} fw={500} /> by the end
              </>
            )}
            {(here.data?.total.unpriced ?? 0) > 0 && ` · without ${count(here.data?.total.unpriced)} unpriced`}
          </Text>
        </>
      )}
    </Panel>
  );
}

function endOf(range: "today" | "week" | "month", since: number): number {
  const end = new Date(since);
  if (range === "month") end.setMonth(end.getMonth() + 1);
  else end.setDate(end.getDate() + (range === "today" ? 1 : 7));
  return end.getTime();
}

/** The budgets with the least left. */
function Nearest() {
  const [address] = useAddress();
  const budgets = useApi("/api/v1/budgets", {}, { every: POLL });
  const now = Date.now();
  const nearest = useMemo(
    () =>
      (budgets.data?.items ?? [])
        .filter((budget) => budget.enabled)
        .flatMap((budget) => {
          const account = tightest(budget);
          return account && account.limit_usd !== null ? [{ budget, account }] : [];
        })
        .sort((a, b) => used(b.account) - used(a.account))
        .slice(0, 6),
    [budgets.data],
  );
  return (
    <Panel
      title="Budgets nearest their limit"
      actions={
        <Anchor component={Link} to="/budgets" search={carried(address) as never} size="xs">
          All budgets
        </Anchor>
      }
    >
      {budgets.error ? (
        <Failed error={budgets.error} what="Budgets cannot be shown" again={() => void budgets.refetch()} />
      ) : !budgets.data ? (
        <Loading rows={5} />
      ) : nearest.length === 0 ? (
        <Empty title="No budget has a limit yet">Write one into the settings, or make one on the page Budgets.</Empty>
      ) : (
        nearest.map(({ budget, account }) => {
          const stands = standing(account, budget, now);
          const watched = budget.mode === "monitor";
          return (
            <Link key={budget.id} to="/budgets" search={{ open: budget.id } as never} className="tw-near">
              <Group justify="space-between" gap="xs" mb={5}>
                <Text size="sm" fw={500} truncate>
                  {budget.name}
                  {budget.split_by.length > 0 && (
                    <Text span inherit c="dimmed" fw={400}>
                      {" "}
                      · {accountName(account)}
                    </Text>
                  )}
                </Text>
                <StateMark state={stateOf(stands)} frozen={budget.frozen || account.frozen} watched={watched} />
              </Group>
              <BudgetBar {...stands} />
              <Text size="xs" c="dimmed" mt={4}>
                <Amount of={stands.spent} fw={500} /> of <Amount of={stands.limit} /> ({partOf(stands)})
                {account.resets_at && ` · resets ${relative(account.resets_at, now)}`}
              </Text>
            </Link>
          );
        })
      )}
    </Panel>
  );
}

type Log = Schemas["LogShown"];

/** Who was refused last, and why. */
function Refused({ gateway, query }: { gateway?: string; query: { since: string; until: string } }) {
  const [address] = useAddress();
  const refused = useApi("/api/v1/logs", { query: { ...query, gateway, status: 429, limit: 7 } }, { every: POLL });
  const items: Log[] = refused.data?.items ?? [];
  return (
    <Panel
      title="Refused last"
      actions={
        <Anchor component={Link} to="/requests" search={{ ...carried(address), status: "429" } as never} size="xs">
          All refusals
        </Anchor>
      }
    >
      {refused.error ? (
        <Failed error={refused.error} what="Refusals cannot be shown" again={() => void refused.refetch()} />
      ) : !refused.data ? (
        <Loading rows={5} />
      ) : items.length === 0 ? (
        <Empty title="Nobody was refused in this range" />
      ) : (
        items.map((log) => (
          <Link key={log.request_id} to="/requests" search={{ ...carried(address), status: "429", open: log.request_id } as never} className="tw-near">
            <Group justify="space-between" gap="xs" wrap="nowrap">
              <Text size="sm" truncate>
                {log.user ?? log.service ?? log.key ?? "nobody named"}
              </Text>
              <Text size="xs" c="dimmed" className="tw-number">
                {instant(log.at)}
              </Text>
            </Group>
            <Chip tone="over">{log.code.replaceAll("_", " ")}</Chip>
          </Link>
        ))
      )}
    </Panel>
  );
}
