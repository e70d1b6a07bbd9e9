/** Who changed what? */

import { Alert, Button, Drawer, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconShieldCheck } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useApi, type Schemas } from "../api/client";
import { BudgetName } from "../pieces/budget_name";
import { Page, Panel } from "../pieces/page";
import { Empty, Failed, Loading } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { TimeHead } from "../pieces/time_head";
import { useAddress } from "../shell/address";
import { count, instant } from "../time";
import { LineDiff } from "./line_diff";
import { Facts } from "./request_panel";

type Change = Schemas["ChangeShown"];

export function Audit() {
  const [address, go] = useAddress();
  const [verifying, setVerifying] = useState(false);
  const [pages, setPages] = useState<number[]>([]);
  const changes = useApi("/api/v1/audit", { query: { target: address.target, action: address.action, before: pages.at(-1), limit: 100 } });
  const opened = changes.data?.items.find((change) => String(change.seq) === address.open);
  return (
    <Page
      title="Audit"
      question="Who changed what, from what to what?"
      actions={
        <Button variant="default" leftSection={<IconShieldCheck size={14} />} onClick={() => setVerifying(true)}>
          Is the log whole?
        </Button>
      }
    >
      {verifying && <Verified />}
      <Group mb="sm" gap="sm">
        <TextInput size="xs" w={200} aria-label="What was changed" placeholder="What: a budget, a key" value={address.target ?? ""} onChange={(event) => go({ target: event.currentTarget.value || undefined }, true)} />
        <TextInput size="xs" w={200} aria-label="Kind of change" placeholder="Kind: budget, key, session" value={address.action ?? ""} onChange={(event) => go({ action: event.currentTarget.value || undefined }, true)} />
      </Group>
      <Panel title="Newest first" flush>
        {changes.error ? (
          <Failed error={changes.error} what="The audit log cannot be shown" again={() => void changes.refetch()} />
        ) : !changes.data ? (
          <Group p="md">
            <Loading rows={8} />
          </Group>
        ) : changes.data.items.length === 0 ? (
          <Empty title="No change fits">Take a filter away: both are compared with the whole word.</Empty>
        ) : (
          <>
            <DataTable
              label="Changes"
              fixed
              columns={COLUMNS}
              rows={changes.data.items}
              keyOf={(change) => String(change.seq)}
              open={(change) => go({ open: String(change.seq) })}
              isOpen={(change) => String(change.seq) === address.open}
            />
            <Group justify="end" p="sm" gap="xs">
              <Button variant="default" disabled={pages.length === 0} onClick={() => setPages(pages.slice(0, -1))}>
                Newer
              </Button>
              <Button variant="default" disabled={changes.data.next === null} onClick={() => changes.data?.next && setPages([...pages, changes.data.next])}>
                Older
              </Button>
            </Group>
          </>
        )}
      </Panel>
      <Drawer opened={!!opened} onClose={() => go({ open: undefined })} position="right" size={620} title="Change" closeButtonProps={{ "aria-label": "Close the change" }}>
        {opened && <Shown change={opened} />}
      </Drawer>
    </Page>
  );
}

const COLUMNS: readonly Column<Change>[] = [
  { id: "at", head: <TimeHead />, width: 150, cell: (change) => instant(change.at) },
  { id: "by", head: "By", cell: (change) => <div className="tw-clip">{change.by}</div> },
  { id: "action", head: "Did", cell: (change) => change.action.replace(".", " ").replaceAll("_", " ") },
  { id: "target", head: "What", cell: (change) => <div className="tw-clip"><Target change={change} /></div> },
  { id: "reason", head: "Why", cell: (change) => change.reason || <Text span inherit c="dimmed">not said</Text> },
  { id: "seq", head: "Line", number: true, cell: (change) => change.seq },
];

function Target({ change }: { change: Change }) {
  if (!change.target) return <>—</>;
  return change.action.startsWith("budget") ? <BudgetName id={change.target} /> : <>{change.target}</>;
}

function Verified() {
  const verified = useApi("/api/v1/audit/verify");
  if (verified.error) return <Failed error={verified.error} what="The log cannot be checked" again={() => void verified.refetch()} />;
  if (!verified.data) return <Loading rows={1} height={70} />;
  const { ok, lines, differences, notes } = verified.data;
  return (
    <Alert
      mb="sm"
      role="status"
      color={ok ? "teal" : "red"}
      variant="outline"
      icon={ok ? <IconCircleCheck size={18} /> : <IconAlertTriangle size={18} />}
      title={ok ? `Whole: all ${count(lines)} lines fit their hashes and their anchors` : "It is not whole"}
    >
      {[...differences, ...notes].map((line) => (
        <Text key={line} size="sm">
          {line}
        </Text>
      ))}
    </Alert>
  );
}

function Shown({ change }: { change: Change }) {
  return (
    <Stack pb="xl">
      <Facts
        facts={[
          ["Time", instant(change.at)],
          ["By", change.by],
          ["Did", change.action],
          ["What", change.target ? <Target key="what" change={change} /> : null],
          ["Why", change.reason || "not said"],
        ]}
      />
      <Title order={3}>What became of it</Title>
      <LineDiff
        before={change.before}
        after={change.after}
        none={change.before === null && change.after === null ? "No settings belong to this change." : "It says the same as before."}
      />
      <Group gap="xs">
        {change.target && (
          <Button component={Link} to="/audit" search={{ target: change.target } as never} variant="default">
            All changes of {change.target.slice(0, 40)}
          </Button>
        )}
      </Group>
      <Text size="xs" c="dimmed" className="tw-lines">
        Line {change.seq}, hash {change.hash}
      </Text>
    </Stack>
  );
}
