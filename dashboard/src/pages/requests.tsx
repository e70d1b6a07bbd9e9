/** What happened? */

import { Button, Group, SegmentedControl, Text, TextInput } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay, IconSearch } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useApi, type Schemas } from "../api/client";
import { Chip } from "../pieces/chip";
import { Filters, useFilters } from "../pieces/filters";
import { Nothing } from "../pieces/nothing";
import { Page, Panel } from "../pieces/page";
import { Said } from "../pieces/said";
import { Failed, Loading } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { SavedViews } from "../pieces/views";
import { TimeHead } from "../pieces/time_head";
import { useAddress, useSpan } from "../shell/address";
import { count, duration, instant } from "../time";
import { Charged } from "./request_money";
import { RequestPanel } from "./request_panel";
import { joined, useTail } from "./requests_live";
import "./requests.css";

type Log = Schemas["LogShown"];

/** Everything that a request can be found by, beyond what all listings take. */
export const MORE = [
  "status", "code", "api", "method", "path", "response_model", "user_agent", "streamed", "cached", "min_cost_usd", "max_cost_usd",
  "min_duration_ms", "max_duration_ms", "min_input_tokens", "max_input_tokens", "min_output_tokens", "max_output_tokens",
] as const;
const PAGE = 50;

export function Requests() {
  const [address, go] = useAddress();
  const { query } = useSpan();
  const filters = useFilters(MORE);
  const live = address.live === "1";
  const cursor = live ? undefined : address.cursor;
  // The way back to newer pages, as far as somebody came here by it.
  const [before, setBefore] = useState<(string | undefined)[]>([]);
  const key = JSON.stringify([filters, address.text, address.range, address.since, address.until]);
  const last = useRef(key);
  useEffect(() => {
    if (last.current === key) return;
    last.current = key;
    setBefore([]);
    // A cursor is a place in the answer to one question.
    go({ cursor: undefined }, true);
  }, [key, go]);
  const asked = { ...filters, text: address.text, since: query.since };
  const logs = useApi("/api/v1/logs", { query: { ...asked, until: live ? undefined : query.until, limit: PAGE, cursor } });
  const steady = useRef(query.since);
  if (!live) steady.current = query.since;
  const tail = useTail(live && !!logs.data, { ...asked, since: steady.current }, logs.data?.items[0]?.request_id);
  const rows = live ? joined(logs.data?.items ?? [], [...tail.logs].reverse()) : (logs.data?.items ?? []);
  const next = logs.data?.next;
  return (
    <Page
      title="Requests"
      question="What happened to each request, and why?"
      actions={
        <>
          <SavedViews page="/requests" />
          <Button
            variant={live ? "filled" : "default"}
            leftSection={live ? <IconPlayerPause size={14} /> : <IconPlayerPlay size={14} />}
            onClick={() => go({ live: live ? undefined : "1", cursor: undefined })}
          >
            {live ? "Pause" : "Follow live"}
          </Button>
        </>
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
          value={["200", "429", "403"].includes(address.status ?? "") ? address.status : ""}
          onChange={(status) => go({ status: status || undefined })}
        />
        <Words />
        <Filters more={MORE} />
      </Group>
      <Panel title="Newest first" flush hint={live ? "new ones come in every 3 seconds, while this tab is in front" : undefined}>
        {logs.error ? (
          <Failed error={logs.error} what="Requests cannot be shown" again={() => void logs.refetch()} />
        ) : !logs.data ? (
          <Group p="md">
            <Loading rows={12} />
          </Group>
        ) : rows.length === 0 && !next ? (
          <Nothing
            title="No request fits"
            filters={{ ...filters, text: address.text }}
            command={`curl ${window.location.origin}/v1/chat/completions -H "Authorization: Bearer $TOLLWAY_KEY" -H "Content-Type: application/json" -d '{"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello!"}]}'`}
          />
        ) : (
          <>
            {tail.error && <Failed error={tail.error} what="New requests cannot be followed; it is tried again" />}
            {rows.length === 0 && (
              <Text size="sm" c="dimmed" p="md">
                None among those that were looked through so far; there are older ones.
              </Text>
            )}
            <DataTable
              label="Requests"
              fixed
              columns={COLUMNS}
              rows={rows}
              keyOf={(log) => log.request_id}
              open={(log) => go({ open: log.request_id })}
              isOpen={(log) => log.request_id === address.open}
            />
            {!live && (
              <Group justify="end" p="sm" gap="xs">
                <Button
                  variant="default"
                  disabled={!cursor}
                  onClick={() => {
                    go({ cursor: before.at(-1) });
                    setBefore(before.slice(0, -1));
                  }}
                >
                  {cursor && before.length === 0 ? "Newest" : "Newer"}
                </Button>
                <Button
                  variant="default"
                  disabled={!next}
                  onClick={() => {
                    setBefore([...before, cursor]);
                    go({ cursor: next ?? undefined });
                  }}
                >
                  Older
                </Button>
              </Group>
            )}
          </>
        )}
      </Panel>
      <RequestPanel id={address.open} close={() => go({ open: undefined })} />
    </Page>
  );
}

/** Free text: somewhere in ids, names, paths, metadata or reasons. Asked when the typing pauses. */
function Words() {
  const [address, go] = useAddress();
  const [text, setText] = useState(address.text ?? "");
  useEffect(() => setText(address.text ?? ""), [address.text]);
  useEffect(() => {
    if (text === (address.text ?? "")) return;
    const timer = setTimeout(() => go({ text: text || undefined }, true), 350);
    return () => clearTimeout(timer);
  }, [text, address.text, go]);
  return (
    <TextInput
      size="xs"
      w={210}
      aria-label="Find in requests"
      placeholder="Id, path, reason, team=ml"
      leftSection={<IconSearch size={14} />}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
    />
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
  { id: "at", head: <TimeHead />, cell: (log) => <span className="tw-number">{instant(log.at)}</span>, width: 140 },
  { id: "who", head: "Who", cell: (log) => <div className="tw-clip"><Said text={who(log)} /></div> },
  {
    id: "model",
    head: "Model",
    cell: (log) => (
      <div className="tw-clip">
        {log.request_model === null ? "unknown" : <Said text={log.request_model} />}
        {log.response_model && log.response_model !== log.request_model && (
          <Text span inherit c="dimmed">
            {" "}
            → <Said text={log.response_model} />
          </Text>
        )}
      </div>
    ),
  },
  { id: "outcome", head: "Outcome", cell: (log) => <Outcome status={log.status} code={log.code} /> },
  { id: "in", head: "Tokens in", number: true, phone: false, cell: (log) => <Tokens log={log} which="input_tokens" /> },
  { id: "out", head: "Tokens out", number: true, phone: false, cell: (log) => <Tokens log={log} which="output_tokens" /> },
  { id: "took", head: "Took", number: true, phone: false, cell: (log) => duration(log.durations.total_us) },
  { id: "amount", head: "Charged", number: true, cell: (log) => <Charged log={log} /> },
];

function Tokens({ log, which }: { log: Log; which: string }) {
  if (log.usage === null) return <Text span inherit c="dimmed">—</Text>;
  return <>{count(log.usage[which])}</>;
}
