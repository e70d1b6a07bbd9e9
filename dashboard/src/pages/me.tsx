/** What have I spent, and on what? */

import { Alert, Anchor } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useApi } from "../api/client";
import { useWho } from "../api/session";
import { nanodollars } from "../money";
import { Amount } from "../pieces/amount";
import { Copyable } from "../pieces/copyable";
import { Page, Panel } from "../pieces/page";
import { bucketsOf, SpendChart } from "../pieces/spend_chart";
import { Empty, Failed, Loading } from "../pieces/states";
import { TopList } from "../pieces/top_list";
import { carried, useAddress, useSpan } from "../shell/address";
import { count } from "../time";

export function Me() {
  const { name, session } = useWho();
  const [address] = useAddress();
  const { since, until, query } = useSpan();
  const grain = until - since <= 2 * 86_400_000 ? "hour" : "day";
  // A local administrator and the administrator's token spend nothing of their own.
  const mine = { ...query, user: name };
  const series = useApi("/api/v1/spend", { query: { ...mine, group_by: `${grain},model` } });
  const buckets = useMemo(() => bucketsOf(since, until, grain), [since, until, grain]);
  const pieces = useMemo(
    () => (series.data?.rows ?? []).map((row) => ({ at: row.group[grain] ?? "", name: row.group.model ?? "unknown", amount: nanodollars(row.spent_usd) })),
    [series.data, grain],
  );
  const models = useMemo(() => {
    const found = new Map<string, bigint>();
    for (const { name: model, amount } of pieces) found.set(model, (found.get(model) ?? 0n) + amount);
    return [...found].map(([model, amount]) => ({ name: model, amount })).sort((a, b) => (a.amount < b.amount ? 1 : -1));
  }, [pieces]);
  const total = series.data?.total;
  return (
    <Page title="My usage" question={`What ${name} has spent, and on what.`}>
      {series.error ? (
        <Failed error={series.error} what="Your usage cannot be shown" again={() => void series.refetch()} />
      ) : !series.data || !total ? (
        <Loading rows={6} />
      ) : (
        <div className="tw-stack">
          <div className="tw-grid tw-grid-3">
            <Panel title="Spent">
              <Amount of={total.spent_usd} className="tw-headline" />
            </Panel>
            <Panel title="Charges">
              <span className="tw-headline">{count(total.entries)}</span>
            </Panel>
            <Panel title="Tokens, in and out">
              <span className="tw-headline">
                {count(total.input_tokens)} / {count(total.output_tokens)}
              </span>
            </Panel>
          </div>
          <Panel
            title="Over time"
            actions={
              <Anchor component={Link} to="/requests" search={{ ...carried(address), user: name } as never} size="xs">
                My requests
              </Anchor>
            }
          >
            {pieces.length === 0 ? (
              <Empty title="You have spent nothing in this range">“Set up a client” shows how to send the first request.</Empty>
            ) : (
              <SpendChart pieces={pieces} buckets={buckets} />
            )}
          </Panel>
          <Panel title="By model">
            <TopList lines={models} total={nanodollars(total.spent_usd)} />
          </Panel>
          <Alert color="gray" variant="light" icon={<IconInfoCircle size={17} />} title="What is left, and which models still work">
            Your key tells, with the numbers that the next request is checked against:
            <Copyable text={`curl ${window.location.origin}/v1/budget -H 'authorization: Bearer YOUR_GATEWAY_KEY'`} what="the command" block />
            {session.groups.length > 0 && `You are in ${session.groups.join(", ")}.`}
          </Alert>
        </div>
      )}
    </Page>
  );
}
