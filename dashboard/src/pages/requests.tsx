/** What happened? */

import { Button, Group, SegmentedControl, Text } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useApi, type Schemas } from "../api/client";
import { Amount } from "../pieces/amount";
import { Chip } from "../pieces/chip";
import { Filters, useFilters } from "../pieces/filters";
import { Page, Panel } from "../pieces/page";
import { Empty, Failed, Loading } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { useAddress, useSpan } from "../shell/address";
import { count, duration, instant } from "../time";
import { RequestPanel } from "./request_panel";

type Log = Schemas["LogShown"];
const MORE = ["status", "code"] as const;
const TAIL = 3_000;

export function Requests() {
  const [address, go] = useAddress();
  const { query } = useSpan();
  const filters = useFilters(MORE);
  const live = address.live === "1";
  const [cursors, setCursors] = useState<string[]>([]);
  const cursor = cursors.at(-1);
  const key = JSON.stringify([filters, address.range, address.since, address.until]);
  useEffect(() => setCursors([]), [key]);
  const logs = useApi(
    "/api/v1/logs",
    { query: { ...filters, since: query.since, until: live ? undefined : query.until, limit: 50, cursor } },
    { every: live && !cursor ? TAIL : undefined },
  );
  return (
    <Page
      title="Requests"
      question="What happened to each request, and why?"
      actions={
        <Button
          variant={live ? "filled" : "default"}
          leftSection={live ? <IconPlayerPause size={14} /> : <IconPlayerPlay size={14} />}
          onClick={() => go({ live: live ? undefined : "1" })}
        >
          {live ? "Pause" : "Follow live"}
        </Button>
      }
    >
      <Group mb="sm" gap="sm">
        <SegmentedControl
          size="xs"
          aria-label="Which requests"
          data={[
            { value: "", label: "All" },
            { value: "200", label: "Answered" },
            { value: "429", label: "Over a limit" },
            { value: "403", label: "Not allowed" },
          ]}
          value={address.status ?? ""}
          onChange={(status) => go({ status: status || undefined })}
        />
        <Filters more={MORE} />
      </Group>
      <Panel title="Newest first" flush hint={live ? "asked anew every 3 seconds, while this tab is in front" : undefined}>
        {logs.error ? (
          <Failed error={logs.error} what="Requests cannot be shown" again={() => void logs.refetch()} />
        ) : !logs.data ? (
          <Group p="md">
            <Loading rows={10} />
          </Group>
        ) : logs.data.items.length === 0 ? (
          <Empty title="No request fits">Take a filter away, or choose a longer range. A request is here a moment after its answer.</Empty>
        ) : (
          <>
            <DataTable
              label="Requests"
              fixed
              columns={COLUMNS}
              rows={logs.data.items}
              keyOf={(log) => log.request_id}
              open={(log) => go({ open: log.request_id })}
              isOpen={(log) => log.request_id === address.open}
            />
            <Group justify="end" p="sm" gap="xs">
              <Button variant="default" disabled={cursors.length === 0} onClick={() => setCursors(cursors.slice(0, -1))}>
                Newer
              </Button>
              <Button
                variant="default"
                disabled={!logs.data.next}
                onClick={() => logs.data?.next && setCursors([...cursors, logs.data.next])}
              >
                Older
              </Button>
            </Group>
          </>
        )}
      </Panel>
      <RequestPanel id={address.open} close={() => go({ open: undefined })} />
    </Page>
  );
}

export function who(log: { user: string | null; service: string | null; key: string | null }): string {
  return log.user ?? log.service ?? log.key ?? "nobody named";
}

export function Outcome({ status, code }: { status: number; code: string }) {
  const words = code.replaceAll("_", " ");
  if (status < 400 && !code) return <Chip tone="good">{status}</Chip>;
  if (code.includes("price") || code.includes("unpriced")) return <Chip tone="unpriced">{words || status}</Chip>;
  if (status < 400 || status === 499) return <Chip tone="near">{words || (status === 499 ? "caller left" : status)}</Chip>;
  return (
    <Chip tone="over">
      {status} {words}
    </Chip>
  );
}

const COLUMNS: readonly Column<Log>[] = [
  { id: "at", head: "Time", cell: (log) => <span className="tw-number">{instant(log.at)}</span>, width: 140 },
  { id: "who", head: "Who", cell: (log) => <div className="tw-clip">{who(log)}</div> },
  {
    id: "model",
    head: "Model",
    cell: (log) => (
      <div className="tw-clip">
        {log.request_model ?? "unknown"}
        {log.response_model && log.response_model !== log.request_model && (
          <Text span inherit c="dimmed">
            {" "}
            → {log.response_model}
          </Text>
        )}
      </div>
    ),
  },
  { id: "outcome", head: "Outcome", cell: (log) => <Outcome status={log.status} code={log.code} /> },
  { id: "in", head: "Tokens in", number: true, cell: (log) => <Tokens log={log} which="input_tokens" /> },
  { id: "out", head: "Tokens out", number: true, cell: (log) => <Tokens log={log} which="output_tokens" /> },
  { id: "took", head: "Took", number: true, cell: (log) => duration(log.durations.total_us) },
  { id: "amount", head: "Charged", number: true, cell: (log) => <Charged log={log} /> },
];

function Tokens({ log, which }: { log: Log; which: string }) {
  if (log.usage === null) return <Text span inherit c="dimmed">—</Text>;
  return <>{count(log.usage[which])}</>;
}

/** A refusal costs nothing because nothing was sent; an answer without a price costs what nobody knows. */
function Charged({ log }: { log: Log }) {
  if (log.amount_usd === null && log.usage !== null) return <Chip tone="unpriced">no price</Chip>;
  return <Amount of={log.amount_usd} unknown={log.usage === null && log.status >= 400 ? "not sent" : "unknown"} />;
}
