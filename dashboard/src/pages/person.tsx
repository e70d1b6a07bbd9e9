/** What does one person use, what is left for them, and what happened to them? */

import { Anchor, Text } from "@mantine/core";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { useApi, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { nanodollars } from "../money";
import { Amount, Change } from "../pieces/amount";
import { piecesOf, spentOf } from "../pieces/chart_data";
import { Chip } from "../pieces/chip";
import { Dim } from "../pieces/dim";
import { Backwards } from "../pieces/nothing";
import { Page, Panel } from "../pieces/page";
import { Said } from "../pieces/said";
import { grainOf, namer, SpendChart } from "../pieces/spend_chart";
import { Empty, Failed, Loading } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { TopList } from "../pieces/top_list";
import { carried, useAddress, useSpan } from "../shell/address";
import { count, instant, length, minute, relative } from "../time";
import { PersonLayers } from "./person_layers";
import { Charged } from "./request_money";
import { Outcome } from "./requests";

/** Of the figures and the chart below them, so that nothing moves once they are there. */
const SPEND_PX = 282;

type Session = Schemas["PersonSession"];
type Key = Schemas["IssuedKeyShown"];
type Log = Schemas["LogShown"];

export function Person() {
  const { user } = useParams({ strict: false }) as { user: string };
  const { may } = useWho();
  const [address] = useAddress();
  const { asked } = useSpan();
  const person = useApi("/api/v1/people/{user}", { path: { user }, query: { ...asked, sessions: 7 } });
  const keys = useApi("/api/v1/keys", { query: { owner: user, limit: 50 } }, { enabled: may("keys:read") || may("own:keys") });
  return (
    <Page
      title={user}
      question="What they use, what is left for them, and what happened."
      actions={
        <Anchor component={Link} to="/people" search={carried(address) as never} size="sm">
          All people
        </Anchor>
      }
    >
      {person.error ? (
        <Failed error={person.error} what="This person cannot be shown" again={() => void person.refetch()} />
      ) : person.data && !person.data.known ? (
        <Empty title={`Nobody called ${user} ever asked, or has a key`}>
          <Link to="/people" search={carried(address) as never} className="tw-link">
            Everybody who did
          </Link>
        </Empty>
      ) : (
        <>
          <Text size="sm" c="dimmed" mt={-8} mb="md">
            {!person.data
              ? " "
              : [
                  person.data.groups.length > 0 ? `in ${person.data.groups.join(", ")}` : "in no group that is known here",
                  `${person.data.keys} ${person.data.keys === 1 ? "key" : "keys"}`,
                  person.data.last_charged_at ? `last charged ${relative(person.data.last_charged_at, Date.now())}` : "never charged",
                ].join(" · ")}
          </Text>
          <div className="tw-stack">
            <PersonSpend user={user} />
            <div className="tw-two tw-person-two">
              <div className="tw-stack">
                <PersonLayers user={user} />
                <Panel title="Keys" flush>
                  {keys.error ? (
                    <Failed error={keys.error} what="Keys cannot be shown" />
                  ) : !keys.data ? (
                    <div className="tw-panel-body">
                      <Loading rows={2} />
                    </div>
                  ) : keys.data.items.length === 0 ? (
                    <div className="tw-panel-body">
                      <Dim>No key is theirs; they sign in, or have not begun.</Dim>
                    </div>
                  ) : (
                    <DataTable fixed label="Keys" columns={KEYS} rows={keys.data.items} keyOf={(key) => key.id ?? key.name} />
                  )}
                </Panel>
              </div>
              <div className="tw-stack">
                <PersonSessions sessions={person.data?.sessions} whole={person.data?.sessions_in_range} user={user} />
              </div>
            </div>
            <Happened user={user} />
          </div>
        </>
      )}
    </Page>
  );
}

/** Spend over time and by model, against the period before. */
export function PersonSpend({ user }: { user: string }) {
  const [address] = useAddress();
  const { asked, against, since, until, zone, backwards } = useSpan();
  const grain = grainOf(since, until);
  const query = { ...asked, user, gateway: address.gateway };
  const series = useApi("/api/v1/analytics", { query: { ...query, ...against, grain, by: "model", metrics: "cost,tokens,requests", compare: "previous", limit: 8 } });
  const name = useMemo(() => namer(grain, zone), [grain, zone]);
  const told = series.data;
  const pieces = useMemo(() => (told ? piecesOf(told, spentOf) : []), [told]);
  if (backwards)
    return (
      <Panel title="Spend">
        <Backwards />
      </Panel>
    );
  if (series.error) return <Failed error={series.error} what="Spend cannot be shown" again={() => void series.refetch()} />;
  if (!told)
    return (
      <div className="tw-grid tw-grid-wide tw-person-grid">
        <Panel title="Spend">
          <Loading rows={1} height={SPEND_PX} />
        </Panel>
        <Panel title="By model">
          <Loading rows={4} height={24} />
        </Panel>
      </div>
    );
  const { whole } = told.total;
  const cost = whole.cost;
  const spent = nanodollars(cost?.spent_usd ?? "0");
  const before = nanodollars(told.previous?.total.whole.cost?.spent_usd ?? "0");
  const lines = told.groups.map((group) => ({ name: group.group.model ?? null, amount: nanodollars(group.whole.cost?.spent_usd ?? "0") }));
  return (
    <div className="tw-grid tw-grid-wide tw-person-grid">
      <Panel
        title="Spend"
        actions={
          <Anchor component={Link} to="/requests" search={{ ...carried(address), user } as never} size="xs">
            The requests
          </Anchor>
        }
      >
        <div className="tw-person-figures">
          <div>
            <div className="tw-headline">
              <Amount of={spent} />
            </div>
            <Change now={spent} before={before} than="in the period before" />
          </div>
          <Text size="sm" c="dimmed">
            {count(whole.requests?.requests)} requests
            {whole.requests && whole.requests.refused > 0 ? `, ${count(whole.requests.refused)} refused` : ""}
            <br />
            {count(whole.tokens?.input)} tokens in, {count(whole.tokens?.output)} out
            {cost && cost.unpriced > 0 && (
              <>
                <br />
                <Chip tone="unpriced">{count(cost.unpriced)} without a price, in no amount</Chip>
              </>
            )}
          </Text>
        </div>
        {spent === 0n && pieces.every(({ amount }) => amount === 0n) ? (
          <Empty title="Nothing was spent in this range" />
        ) : (
          <SpendChart pieces={pieces} buckets={told.starts} name={name} height={190} nobody="unknown" />
        )}
      </Panel>
      <Panel title="By model">
        <TopList lines={lines} total={spent} nobody="unknown model" />
      </Panel>
    </div>
  );
}

export function PersonSessions({ sessions, whole, user }: { sessions: readonly Session[] | undefined; whole: number | undefined; user: string }) {
  const [address] = useAddress();
  const navigate = useNavigate();
  const open = (one: Session) =>
    void navigate({
      to: "/requests",
      search: { ...carried(address), range: "custom", since: one.from, until: new Date(new Date(one.to).getTime() + 1).toISOString(), user } as never,
    });
  return (
    <Panel title="Sessions" flush hint={whole !== undefined && sessions && `${sessions.length < whole ? `the newest ${sessions.length} of ` : ""}${whole}`}>
      {!sessions ? (
        <div className="tw-panel-body">
          <Loading rows={7} height={44} />
        </div>
      ) : sessions.length === 0 ? (
        <div className="tw-panel-body">
          <Dim>No session in this range.</Dim>
        </div>
      ) : (
        <DataTable fixed label="Sessions" columns={SESSIONS} rows={sessions} keyOf={(one) => one.from + (one.session ?? "")} open={open} />
      )}
    </Panel>
  );
}

const SESSIONS: readonly Column<Session>[] = [
  {
    id: "when",
    head: "Session",
    cell: (one) => (
      <>
        <span>{one.session ?? minute(one.from)}</span>
        <Text size="xs" c="dimmed">
          {one.session ? `${minute(one.from)}, ` : ""}
          {one.to > one.from ? `${length(new Date(one.to).getTime() - new Date(one.from).getTime())} · ` : ""}
          {count(one.entries)} {one.entries === 1 ? "charge" : "charges"}
        </Text>
      </>
    ),
  },
  { id: "out", head: <span className="tw-hidden">Remark</span>, cell: (one) => (one.stands_out ? <Chip tone="near">stands out</Chip> : null) },
  { id: "spent", head: "Spent", number: true, cell: (one) => <Amount of={one.spent_usd} fw={500} /> },
];

const KEYS: readonly Column<Key>[] = [
  { id: "name", head: "Key", cell: (key) => <span className="tw-person-name">{key.name}</span> },
  { id: "state", head: "State", cell: (key) => <Chip tone={key.state === "active" ? "good" : "dim"}>{key.state}</Chip> },
  { id: "used", head: "Used last", cell: (key) => (key.last_used_at ? relative(key.last_used_at, Date.now()) : <Dim>not known</Dim>) },
];

/** Requests of late, and those that were refused. */
function Happened({ user }: { user: string }) {
  const [address] = useAddress();
  const { query } = useSpan();
  const asked = { ...query, user, gateway: address.gateway };
  const recent = useApi("/api/v1/logs", { query: { ...asked, limit: 100 } });
  const items = recent.data?.items;
  const refused = items?.filter((log) => log.code !== "");
  return (
    <div className="tw-two tw-person-two">
      {(
        [
          ["Recent requests", items?.slice(0, 8), "No request in this range."],
          ["Recent refusals and failures", refused?.slice(0, 8), "None of the newest 100 requests was refused, or failed."],
        ] as const
      ).map(([title, logs, none]) => (
        <Panel key={title} title={title} flush>
          {recent.error ? (
            <Failed error={recent.error} what="Requests cannot be shown" />
          ) : !logs ? (
            <div className="tw-panel-body">
              <Loading rows={8} height={44} />
            </div>
          ) : logs.length === 0 ? (
            <div className="tw-panel-body">
              <Dim>{none}</Dim>
            </div>
          ) : (
            <Logs label={title} logs={logs} user={user} />
          )}
        </Panel>
      ))}
    </div>
  );
}

function Logs({ label, logs, user }: { label: string; logs: readonly Log[]; user: string }) {
  const [address] = useAddress();
  const navigate = useNavigate();
  return (
    <DataTable
      fixed
      label={label}
      columns={LOGS}
      rows={logs}
      keyOf={(log) => log.request_id}
      open={(log) => void navigate({ to: "/requests", search: { ...carried(address), user, open: log.request_id } as never })}
    />
  );
}

const LOGS: readonly Column<Log>[] = [
  {
    id: "at",
    head: "Request",
    cell: (log) => (
      <>
        <span className="tw-model">{log.request_model === null ? "no model" : <Said text={log.request_model} />}</span>
        <Text size="xs" c="dimmed">
          {instant(log.at)}
        </Text>
      </>
    ),
  },
  { id: "outcome", head: "Outcome", cell: (log) => <Outcome status={log.status} code={log.code} /> },
  { id: "cost", head: "Cost", number: true, cell: (log) => <Charged log={log} /> },
];
