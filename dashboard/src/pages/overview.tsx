/** Are we all right? */

import { Anchor, Group, Text } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useApi } from "../api/client";
import { useWho } from "../api/session";
import { nanodollars, shown, times } from "../money";
import { Amount, Change } from "../pieces/amount";
import { BudgetBar, partOf, StateMark, stateOf } from "../pieces/budget_bar";
import { piecesOf, spentOf } from "../pieces/chart_data";
import { Chip } from "../pieces/chip";
import { Page, Panel } from "../pieces/page";
import { grainOf, namer, SpendChart } from "../pieces/spend_chart";
import { Empty, Failed, Loading } from "../pieces/states";
import { TopList } from "../pieces/top_list";
import { carried, useAddress, useSpan } from "../shell/address";
import { before, count, endOf, iso, relative, span } from "../time";
import { accountName, reached, standing, tightest, used } from "./budget_math";
import { Health, Movers, Stopped } from "./overview_panels";

const POLL = 15_000;
/** A forecast from less than this part of a period says nothing. */
const EARLY = 20;
const LINES = 7;

export function Overview() {
  const [address] = useAddress();
  const navigate = useNavigate();
  const { may } = useWho();
  const { since, until, asked, past, zone } = useSpan();
  const { gateway } = address;
  const grain = grainOf(since, until);
  const compared = address.compare === "1";
  const series = useApi("/api/v1/analytics", { query: { ...asked, gateway, grain, by: "model", metrics: "cost", limit: 8 } }, { every: POLL });
  const earlier = useApi("/api/v1/analytics", { query: { ...past, gateway, grain, metrics: "cost" } }, { enabled: compared });
  const people = useApi("/api/v1/analytics", { query: { ...asked, gateway, by: "user", metrics: "cost", limit: 7 } }, { every: POLL });
  // As the panel "To look at" asks for it, so that it is asked once.
  const unpriced = useApi("/api/v1/analytics", { query: { ...asked, gateway, by: "model", kind: "unpriced", metrics: "cost", limit: 3 } }, { every: POLL * 2 });
  const pieces = useMemo(() => (series.data ? piecesOf(series.data, spentOf) : []), [series.data]);
  const models = useMemo(() => {
    const priced = (series.data?.groups ?? [])
      .map(({ group, whole, buckets }) => ({
        name: group.model ?? null,
        amount: nanodollars(whole.cost?.spent_usd ?? "0"),
        over: buckets.map((bucket) => nanodollars(bucket.cost?.spent_usd ?? "0")),
      }))
      .filter((line) => line.amount !== 0n);
    // What has no price is ranked nowhere, and is not left out for that.
    const others = (unpriced.data?.groups ?? [])
      .map(({ group }) => ({ name: group.model ?? null, amount: 0n, unpriced: true }))
      .filter(({ name }) => !priced.some((line) => line.name === name));
    return [...priced.slice(0, LINES - others.length), ...others];
  }, [series.data, unpriced.data]);
  const cost = series.data?.total.whole.cost;
  const total = cost ? nanodollars(cost.spent_usd) : 0n;
  const toExplorer = (by: string, narrowed: Record<string, string>) =>
    void navigate({ to: "/spend", search: { ...carried(address), by, ...narrowed } as never });
  const explorer = (by: string) => (
    <Anchor component={Link} to="/spend" search={{ ...carried(address), by } as never} size="xs">
      All
    </Anchor>
  );
  return (
    <Page title="Overview" question="Are we all right?">
      <div className="tw-grid tw-grid-3">
        <Period range="today" title="Today" than="yesterday by now" gateway={gateway} zone={zone} />
        <Period range="week" title="This week" than="last week by now" gateway={gateway} zone={zone} />
        <Period range="month" title="This month" than="last month by now" gateway={gateway} zone={zone} />
      </div>
      <div className="tw-stack">
        <Panel
          title="Spend by model"
          hint={
            cost && (
              <>
                <Amount of={total} fw={600} /> in {count(cost.entries)} charges
              </>
            )
          }
          actions={
            (cost?.unpriced ?? 0) > 0 && (
              <Anchor component={Link} to="/prices" search={{ tab: "unpriced" } as never} underline="never">
                <Chip tone="unpriced">{count(cost?.unpriced)} without a price</Chip>
              </Anchor>
            )
          }
        >
          {series.error ? (
            <Failed error={series.error} what="Spend cannot be shown" again={() => void series.refetch()} />
          ) : !series.data ? (
            <Loading rows={1} height={266} />
          ) : (cost?.entries ?? 0) === 0 ? (
            <Empty title="Nothing was spent in this range" command="tollway demo">
              Send a request with a gateway key, as “Set up a client” shows, or look at the demo, which needs no key.
            </Empty>
          ) : (
            <SpendChart
              pieces={pieces}
              buckets={series.data.starts}
              past={compared ? earlier.data?.total.buckets.map((bucket) => (bucket.cost ? nanodollars(bucket.cost.spent_usd) : null)) : undefined}
              name={namer(grain, zone)}
              nobody="unknown"
              pick={(model) => toExplorer("user", { model: model ?? "" })}
            />
          )}
        </Panel>
        <div className="tw-grid tw-grid-wide">
          <Nearest />
          <Health gateway={gateway} asked={asked} />
        </div>
        <div className="tw-grid tw-grid-wide">
          {may("analytics:read") && <Movers gateway={gateway} asked={asked} />}
          <Stopped gateway={gateway} asked={asked} />
        </div>
        <div className="tw-grid">
          <Panel title="Most by person" actions={explorer("user")}>
            {people.error ? (
              <Failed error={people.error} what="People cannot be shown" again={() => void people.refetch()} />
            ) : people.data ? (
              <TopList
                lines={people.data.groups.map(({ group, whole }) => ({ name: group.user ?? null, amount: nanodollars(whole.cost?.spent_usd ?? "0") }))}
                total={nanodollars(people.data.total.whole.cost?.spent_usd ?? "0")}
                nobody="services and keys without a person"
                pick={(user) => toExplorer(user === null ? "service" : "model", { user: user ?? "" })}
              />
            ) : (
              <Loading rows={5} />
            )}
          </Panel>
          <Panel title="Most by model" actions={explorer("model")}>
            {series.data ? (
              <TopList
                lines={models}
                total={total}
                pick={(model) => toExplorer("user", { model: model ?? "" })}
              />
            ) : (
              <Loading rows={5} />
            )}
          </Panel>
        </div>
      </div>
    </Page>
  );
}

interface PeriodProps {
  range: "today" | "week" | "month";
  title: string;
  than: string;
  gateway?: string;
  zone: string;
}

/** A period so far, against the same point of the one before. */
function Period({ range, title, than, gateway, zone }: PeriodProps) {
  const now = Math.floor(Date.now() / 30_000) * 30_000 + 30_000;
  const { since } = span(range, now, undefined, undefined, zone);
  const past = before(range, now, zone);
  const here = useApi("/api/v1/analytics", { query: { from: iso(since), to: iso(now), timezone: zone, gateway, metrics: "cost" } }, { every: POLL });
  const there = useApi("/api/v1/analytics", { query: { from: iso(past.since), to: iso(past.until), timezone: zone, gateway, metrics: "cost" } });
  const cost = here.data?.total.whole.cost;
  const earlier = there.data?.total.whole.cost;
  const spent = cost ? nanodollars(cost.spent_usd) : undefined;
  const ends = endOf(range, since, zone);
  const gone = now - since;
  const pace = spent !== undefined && gone > (ends - since) / EARLY ? times(spent, BigInt(ends - since), BigInt(gone)) : null;
  return (
    <Panel title={title} hint={range === "today" ? undefined : "so far"}>
      {here.error ? (
        <Failed error={here.error} what="This sum cannot be shown" again={() => void here.refetch()} />
      ) : spent === undefined ? (
        <Loading rows={2} height={32} />
      ) : (
        <>
          <Amount of={spent} className="tw-headline" />
          {earlier ? <Change now={spent} before={nanodollars(earlier.spent_usd)} than={than} /> : <Text size="xs">&nbsp;</Text>}
          <Text size="xs" c="dimmed" mt={4}>
            {pace === null ? (
              "too early for a forecast"
            ) : (
              <>
                on pace for <Amount of={pace} fw={500} /> by the end
                {range !== "today" && (
                  <>
                    {" "}
                    · <Amount of={times(spent, 86_400_000n, BigInt(gone))} /> a day
                  </>
                )}
              </>
            )}
            {(cost?.unpriced ?? 0) > 0 && ` · without ${count(cost?.unpriced)} unpriced`}
          </Text>
        </>
      )}
    </Panel>
  );
}

/** The budgets with the least left. */
function Nearest() {
  const [address] = useAddress();
  const budgets = useApi("/api/v1/budgets", { query: { hits: true } }, { every: POLL });
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
                <Amount of={stands.spent} fw={500} /> of <Amount of={stands.limit} /> ({partOf(stands)}) · held <Amount of={stands.held} /> · left{" "}
                <Amount of={account.available_usd} />
                {stands.forecast ? ` · on pace for ${shown(stands.forecast)}` : ""}
                {reached(stands, budget, account, now)}
                {account.resets_at && ` · resets ${relative(account.resets_at, now)}`}
              </Text>
            </Link>
          );
        })
      )}
    </Panel>
  );
}
