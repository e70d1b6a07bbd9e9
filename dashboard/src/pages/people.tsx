/** Who uses what? */

import { Anchor, SegmentedControl, Text, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { Link, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useApi, type Schemas } from "../api/client";
import { changeOf, manyTimes, nanodollars, percent } from "../money";
import { Amount } from "../pieces/amount";
import { Dim } from "../pieces/dim";
import { Filters, useFilters } from "../pieces/filters";
import { Backwards } from "../pieces/nothing";
import { Page, Panel } from "../pieces/page";
import { Said } from "../pieces/said";
import { Empty, Failed, Loading } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { carried, useAddress, useSpan, type Address } from "../shell/address";
import { count, minute, relative } from "../time";
import "./people.css";

type Row = Schemas["PersonRow"];
type Insights = Schemas["InsightsAnswer"];
const BY = { user: "People", team: "Teams", group: "Groups", service: "Services" } as const;
const ONE = { user: "Person", team: "Team", group: "Group", service: "Service" } as const;
type By = keyof typeof BY;
const MOST = 500;

export function People() {
  const [address, go] = useAddress();
  const navigate = useNavigate();
  const { asked, against, backwards } = useSpan();
  const filters = useFilters();
  const by = (address.by && address.by in BY ? address.by : "user") as By;
  const people = useApi("/api/v1/people", { query: { ...asked, ...against, ...filters, by, limit: MOST } });
  const insights = useApi("/api/v1/analytics/users", { query: { ...asked, ...filters, review: 8 } });
  const wanted = (address.q ?? "").toLowerCase();
  const rows = (people.data?.items ?? []).filter((row) => !wanted || (row.name ?? "").toLowerCase().includes(wanted));
  const open = (row: Row) => {
    // What names nobody is often a service.
    if (row.name === null) return go({ by: by === "service" ? undefined : "service", sort: undefined });
    if (by === "user") return void navigate({ to: "/people/$user", params: { user: row.name }, search: carried(address) as never });
    const field = by === "team" ? "metadata.team" : by;
    return void navigate({ to: "/requests", search: { ...carried(address), [field]: row.name } as never });
  };
  return (
    <Page title="People" question="Who uses what, how much is usual, and whom should somebody talk to?">
      <div className="tw-people-bar">
        <SegmentedControl
          size="xs"
          aria-label="Who"
          data={Object.entries(BY).map(([value, label]) => ({ value, label }))}
          value={by}
          onChange={(value) => go({ by: value === "user" ? undefined : value, sort: undefined })}
        />
        <TextInput
          size="xs"
          aria-label="Find by name"
          placeholder="Find by name"
          leftSection={<IconSearch size={14} />}
          value={address.q ?? ""}
          onChange={(event) => go({ q: event.currentTarget.value || undefined }, true)}
        />
        <Filters />
      </div>
      {insights.error ? (
        <Failed error={insights.error} what="What is usual cannot be told" again={() => void insights.refetch()} />
      ) : (
        <Figures insights={insights.data} />
      )}
      <div className="tw-grid tw-people-grid">
        <Panel
          title={BY[by]}
          flush
          hint={people.data && `${rows.length}${people.data.others ? ` of ${rows.length + people.data.others}` : ""}${people.data.overlapping ? " · somebody may be in several" : ""}`}
        >
          {people.error ? (
            <Failed error={people.error} what="People cannot be shown" again={() => void people.refetch()} />
          ) : !people.data ? (
            <div className="tw-panel-body">
              <Loading rows={8} />
            </div>
          ) : backwards ? (
            <Backwards />
          ) : rows.length === 0 ? (
            <Empty title={wanted ? `Nobody here is called “${address.q}”` : "Nobody asked for anything in this range"}>
              Requests are told apart by who their key or token proves. <Link to="/keys" className="tw-link">Give people keys</Link>, or let them
              sign in.
            </Empty>
          ) : (
            <DataTable label={BY[by]} columns={columns(by)} rows={rows} keyOf={(row) => row.name ?? ""} open={open} />
          )}
        </Panel>
        <div className="tw-stack">
          <Review insights={insights.data} address={address} />
          <Sessions insights={insights.data} address={address} />
        </div>
      </div>
    </Page>
  );
}

function Figures({ insights }: { insights: Insights | undefined }) {
  const part = ({ part: some, whole }: { part: number; whole: number }) => percent(BigInt(some), BigInt(whole)) ?? "—";
  const share = insights && percent(nanodollars(insights.top_spent.part_usd), nanodollars(insights.top_spent.whole_usd));
  const spent = insights && percent(nanodollars(insights.identified_spent.part_usd), nanodollars(insights.identified_spent.whole_usd));
  const most = insights && (insights.top_users === 1 ? "one" : count(insights.top_users));
  const boxes: readonly (readonly [title: string, value: ReactNode, below: ReactNode])[] = insights
    ? [
        ["Active", count(insights.active_users), insights.adoption.whole > 0 && <>{part(insights.adoption)} of {count(insights.adoption.whole)} who are known</>],
        ["Median spend", <Amount of={insights.median_spent_usd} unknown="—" />, insights.active_users > 0 && <>{count(insights.median_tokens)} tokens, of an active person</>],
        ["Top 10 %", share ?? "—", insights.top_users > 0 && <>of spend, by the {most} who spent most; {part(insights.top_requests)} of requests, by the {most} who asked most</>],
        ["To review", count(insights.users_to_review), insights.active_users > 0 && "spent twice the median or more"],
        ["Known by name", part(insights.identified_requests), insights.identified_requests.whole > 0 && <>of requests; {spent ?? "—"} of spend</>],
      ]
    : (["Active", "Median spend", "Top 10 %", "To review", "Known by name"] as const).map((title) => [title, null, null] as const);
  return (
    <div className="tw-figures">
      {boxes.map(([title, value, below]) => (
        <section key={title} className="tw-figure">
          <h2 className="tw-label">{title}</h2>
          {value === null ? (
            <Loading rows={1} height={44} />
          ) : (
            <>
              <div className="tw-headline">{value}</div>
              <Text size="xs" c="dimmed">
                {below}
              </Text>
            </>
          )}
        </section>
      ))}
    </div>
  );
}

function Review({ insights, address }: { insights: Insights | undefined; address: Address }) {
  return (
    <Panel title="To review" hint="twice the median or more">
      {!insights ? (
        <Loading rows={4} height={26} />
      ) : insights.review.length === 0 ? (
        <Text size="sm" c="dimmed">
          Nobody spent that much more than the others.
        </Text>
      ) : (
        insights.review.map((one) => (
          <Link key={one.user} to="/people/$user" params={{ user: one.user }} search={carried(address) as never} className="tw-top-line tw-person-line">
            <span className="tw-clip">{one.user}</span>
            <Amount of={one.spent_usd} fw={500} />
            <span className="tw-top-share tw-number">{times(one.spent_usd, insights.median_spent_usd)}</span>
          </Link>
        ))
      )}
    </Panel>
  );
}

function Sessions({ insights, address }: { insights: Insights | undefined; address: Address }) {
  return (
    <Panel title="Sessions that stand out" hint={insights && count(insights.anomalous_sessions)}>
      {!insights ? (
        <Loading rows={4} height={40} />
      ) : insights.anomalies.length === 0 ? (
        <Text size="sm" c="dimmed">
          No session cost more than twice what is usual for its person and more than 99 of 100 others.
        </Text>
      ) : (
        insights.anomalies.map((one) => (
          <div key={`${one.user} ${one.from}`} className="tw-standing-out">
            <div className="tw-standing-head">
              <Anchor
                component={Link}
                to="/requests"
                search={{ ...carried(address), range: "custom", since: one.from, until: after(one.to), user: one.user } as never}
                size="sm"
                className="tw-clip"
              >
                {one.user}
              </Anchor>
              <Amount of={one.spent_usd} fw={600} fz="sm" />
            </div>
            <Text size="xs" c="dimmed">
              {one.session ? `${one.session}, ` : ""}
              {minute(one.from)} · {count(one.entries)} charges · usual for them <Amount of={one.usual_usd} />
            </Text>
          </div>
        ))
      )}
    </Panel>
  );
}

/** The end of a range is not of it. */
function after(text: string): string {
  return new Date(new Date(text).getTime() + 1).toISOString();
}

/** "3.2×" */
function times(amount: string, median: string | null): string {
  const middle = median === null ? 0n : nanodollars(median);
  return middle <= 0n ? "" : manyTimes(nanodollars(amount), middle);
}

/** How a row stands against the period before, short enough for a column. */
export function Against({ now, before }: { now: string; before: string }) {
  const [spent, was] = [nanodollars(now), nanodollars(before)];
  if (was === 0n) return <Dim>{spent === 0n ? "—" : "new"}</Dim>;
  const { sign, size } = changeOf(spent, was);
  return (
    <span className="tw-number" title={`${before} US dollars in the period before`}>
      {sign}
      {size}
    </span>
  );
}

function Name({ row, now }: { row: Row; now: number }) {
  if (row.name === null) return <Dim>nobody named</Dim>;
  return (
    <>
      <span className="tw-person-name">
        <Said text={row.name} />
      </span>
      {row.last_charged_at && (
        <Text size="xs" c="dimmed" fw={400} title={minute(row.last_charged_at)}>
          last charge {relative(row.last_charged_at, now)}
        </Text>
      )}
    </>
  );
}

function columns(by: By): readonly Column<Row>[] {
  const now = Date.now();
  return [
    { id: "name", head: ONE[by], by: (row) => row.name, cell: (row) => <Name row={row} now={now} /> },
    {
      id: "spent",
      head: "Spent",
      number: true,
      by: (row) => nanodollars(row.spent_usd),
      cell: (row) => (
        <>
          <Amount of={row.spent_usd} fw={500} />
          {row.unpriced > 0 && (
            <Text size="xs" c="var(--tw-unpriced)" className="tw-number">
              {count(row.unpriced)} unpriced
            </Text>
          )}
        </>
      ),
    },
    { id: "change", head: "Change", number: true, by: (row) => nanodollars(row.spent_usd) - nanodollars(row.before_usd), cell: (row) => <Against now={row.spent_usd} before={row.before_usd} /> },
    {
      id: "requests",
      head: "Requests",
      number: true,
      by: (row) => row.requests,
      cell: (row) => (
        <>
          {count(row.requests)}
          {row.refused > 0 && (
            <Text size="xs" c="dimmed">
              {count(row.refused)} refused
            </Text>
          )}
        </>
      ),
    },
    { id: "tokens", head: "Tokens", number: true, by: (row) => row.tokens, cell: (row) => (row.tokens === null ? <Dim>unknown</Dim> : count(row.tokens)) },
    { id: "model", head: "Most spent on", by: (row) => row.top_model, cell: (row) => (row.top_model === null ? <Dim>—</Dim> : <span className="tw-model">{row.top_model}</span>) },
  ];
}
