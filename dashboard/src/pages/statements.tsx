/** What do we charge to whom? */

import { Button, Group, NativeSelect, Table, Text } from "@mantine/core";
import { IconClock, IconDownload, IconPlus, IconSnowflake } from "@tabler/icons-react";
import { lazy, Suspense, useMemo, useState } from "react";
import { useApi, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { nanodollars } from "../money";
import { Amount } from "../pieces/amount";
import { Chip } from "../pieces/chip";
import { CopyIcon } from "../pieces/copyable";
import { Page, Panel } from "../pieces/page";
import { Said } from "../pieces/said";
import { Empty, Failed, Loading } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { useMetadataKeys } from "../pieces/values";
import { useAddress } from "../shell/address";
import { count, minute, ZONE, zoneInWords } from "../time";
import { documentAddress, monthName, months } from "./statement_months";
import { fieldName } from "./words";

const StatementPanel = lazy(() => import("./statement_panel").then(({ StatementPanel }) => ({ default: StatementPanel })));
const Freeze = lazy(() => import("./statement_forms").then(({ Freeze }) => ({ default: Freeze })));
const Adjust = lazy(() => import("./statement_forms").then(({ Adjust }) => ({ default: Adjust })));

type Part = Schemas["StatementPartShown"];
type Statements = Schemas["StatementsShown"];
type Frozen = Schemas["StatementsFrozenShown"];

const BY = ["team", "cost_center", "user", "gateway", "key", "service"];
/** In the address, of those who have no value. */
export const NOBODY = "-";

export function Statements() {
  const [address, go] = useAddress();
  const { may } = useWho();
  const [doing, setDoing] = useState<"freeze" | "adjust" | null>(null);
  const by = address.by ?? "team";
  const keys = useMetadataKeys();
  const offered = months(Date.now(), 14);
  const month = address.month ?? offered[0] ?? "";
  const frozen = useApi("/api/v1/statements/frozen", { query: { by } });
  // Once a month is frozen, all are of its zone: by another, some requests would be charged twice or never. Of the zone of other
  // pages' days a statement is not: it is what is charged, and changes by nothing but the choice made here.
  const fixed = frozen.data?.items[0]?.timezone;
  const timezone = fixed ? undefined : address.calendar;
  const found = useApi("/api/v1/statements", { query: { month, by, timezone } }, { enabled: !frozen.isPending });
  const shown = found.data;
  const calendar = fixed ?? address.calendar ?? "UTC";
  const dimensions = [...new Set([...BY, ...keys.filter((key) => !BY.includes(key)).map((key) => `metadata.${key}`), by])];
  const file = (format: string) => documentAddress(month, { by, timezone, format });
  return (
    <Page
      title="Statements"
      question="What do we charge to whom?"
      actions={
        shown &&
        shown.rows.length > 0 && (
          <>
            <Button component="a" href={file("pdf")} download variant="default" leftSection={<IconDownload size={14} />}>
              PDF
            </Button>
            <Button component="a" href={file("csv")} download variant="default" leftSection={<IconDownload size={14} />}>
              CSV
            </Button>
            {may("ledger:write") && (
              <Button variant="default" leftSection={<IconPlus size={14} />} onClick={() => setDoing("adjust")}>
                Adjustment
              </Button>
            )}
            {shown.state === "open" && may("statements:freeze") && (
              <Button leftSection={<IconSnowflake size={14} />} onClick={() => setDoing("freeze")}>
                Freeze {monthName(month)}
              </Button>
            )}
          </>
        )
      }
    >
      <Group mb="sm" gap="sm" align="end">
        <NativeSelect
          size="xs"
          label="Month"
          w={170}
          data={[...new Set([...offered, month])].map((value) => ({ value, label: monthName(value) }))}
          value={month}
          onChange={(event) => go({ month: event.currentTarget.value, open: undefined })}
        />
        <NativeSelect
          size="xs"
          label="For each"
          w={150}
          data={dimensions.map((value) => ({ value, label: value.replace("metadata.", "").replace("_", " ") }))}
          value={by}
          onChange={(event) => go({ by: event.currentTarget.value, open: undefined })}
        />
        <NativeSelect
          size="xs"
          label="In days of"
          w={190}
          data={(fixed ? [fixed] : [...new Set(["UTC", ZONE, calendar])]).map((value) => ({ value, label: fixed ? `${value}, as frozen` : value === ZONE ? `${value} (yours)` : value }))}
          value={calendar}
          onChange={(event) => go({ calendar: event.currentTarget.value === "UTC" ? undefined : event.currentTarget.value, open: undefined })}
        />
        {shown && <State of={shown} />}
      </Group>
      <div className="tw-stack">
        <Panel
          title={`${monthName(month)} by ${by.replace("metadata.", "").replace("_", " ")}`}
          flush
          hint={
            shown && (
              <>
                <Amount of={shown.total.total_usd} fw={600} /> · the calendar month of {zoneInWords(shown.timezone)}
              </>
            )
          }
        >
          {found.error ? (
            <Group p="md">
              <Failed error={found.error} what="Statements cannot be shown" again={() => void found.refetch()} />
            </Group>
          ) : !shown ? (
            <Group p="md">
              <Loading rows={6} />
            </Group>
          ) : shown.rows.length === 0 ? (
            <Empty title={`Nothing was charged in ${monthName(month)}`}>Choose another month. A month has statements once requests of it were charged.</Empty>
          ) : (
            <Rows shown={shown} open={(value) => go({ open: value ?? NOBODY })} opened={address.open} />
          )}
        </Panel>
        {shown?.notes.map((note) => (
          <Text key={note} size="xs" c="dimmed">
            {note}
          </Text>
        ))}
        <FrozenMonths items={frozen.data?.items} error={frozen.error} again={() => void frozen.refetch()} choose={(chosen) => go({ month: chosen })} />
      </div>
      <Suspense>
        {address.open !== undefined && <StatementPanel month={month} by={by} timezone={timezone} value={address.open === NOBODY ? "" : address.open} close={() => go({ open: undefined })} />}
        {doing === "freeze" && shown && <Freeze shown={shown} close={() => setDoing(null)} />}
        {doing === "adjust" && shown && <Adjust shown={shown} close={() => setDoing(null)} />}
      </Suspense>
    </Page>
  );
}

/** Whether it may still change, in a word and why. */
function State({ of }: { of: Statements }) {
  return (
    <Text size="sm" className="tw-state">
      {of.state === "running" && (
        <Chip tone="dim" icon={IconClock}>
          running: it changes with every request
        </Chip>
      )}
      {of.state === "open" && <Chip tone="near">over, and not frozen yet: late corrections still change it</Chip>}
      {of.state === "frozen" && of.frozen && (
        <Chip tone="good" icon={IconSnowflake}>
          frozen {minute(of.frozen.frozen_at)} by {of.frozen.frozen_by}: {of.frozen.word}
        </Chip>
      )}
    </Text>
  );
}

function Rows({ shown, open, opened }: { shown: Statements; open: (value: string | null) => void; opened?: string }) {
  const columns = useMemo(() => columnsOf(shown.by), [shown.by]);
  return (
    <DataTable
      label="Statements"
      columns={columns}
      rows={shown.rows}
      keyOf={(row) => row.value ?? NOBODY}
      open={(row) => open(row.value)}
      isOpen={(row) => (row.value ?? NOBODY) === opened}
      foot={
        <Table.Tr>
          {columns.map((column, number) => (
            <Table.Td key={column.id} data-number={column.number || undefined}>
              <Text span className="tw-card-label" aria-hidden>
                {number === 0 ? "" : column.head}
              </Text>
              <div className="tw-cell">{number === 0 ? "Total" : column.cell(shown.total)}</div>
            </Table.Td>
          ))}
        </Table.Tr>
      }
    />
  );
}

function columnsOf(by: string): readonly Column<Part>[] {
  const money = (id: keyof Part, head: string, bold = false): Column<Part> => ({
    id,
    head,
    number: true,
    by: (row) => nanodollars(row[id] as string),
    cell: (row) => <Amount of={row[id] as string} fw={bold ? 600 : undefined} />,
  });
  return [
    {
      id: "value",
      head: fieldName(by),
      by: (row) => row.value,
      cell: (row) =>
        row.value !== null ? (
          <div className="tw-clip">
            <Said text={row.value} />
          </div>
        ) : (
          <Text span inherit c="dimmed">{`no ${by.replace("metadata.", "").replace("_", " ")}`}</Text>
        ),
    },
    { id: "attempts", head: "Calls", number: true, by: (row) => row.attempts, cell: (row) => count(row.attempts) },
    money("usage_usd", "Usage"),
    money("presumed_usd", "Presumed"),
    money("adjustments_usd", "Adjustments"),
    money("total_usd", "Total", true),
    {
      id: "unpriced",
      head: "Unpriced",
      number: true,
      by: (row) => row.unpriced,
      cell: (row) => (row.unpriced > 0 ? <span className="tw-chip" data-tone="unpriced">{count(row.unpriced)}</span> : "0"),
    },
  ];
}

interface FrozenProps {
  items: readonly Frozen[] | undefined;
  error: unknown;
  again: () => void;
  choose: (month: string) => void;
}

function FrozenMonths({ items, error, again, choose }: FrozenProps) {
  const columns: readonly Column<Frozen>[] = [
    { id: "month", head: "Month", cell: (row) => monthName(row.month) },
    { id: "frozen", head: "Frozen", cell: (row) => minute(row.frozen_at) },
    { id: "who", head: "By whom", cell: (row) => row.frozen_by },
    { id: "word", head: "Why", cell: (row) => <span className="tw-clip"><Said text={row.word} /></span> },
    { id: "statements", head: "Statements", number: true, cell: (row) => count(row.statements) },
    { id: "total", head: "Total", number: true, cell: (row) => <Amount of={row.total_usd} fw={600} /> },
    {
      id: "hash",
      head: "Hash",
      cell: (row) => (
        <Group gap={2} wrap="nowrap" component="span">
          <code className="tw-inline-code">{row.hash.slice(0, 10)}…</code>
          <CopyIcon text={row.hash} what="the hash" />
        </Group>
      ),
    },
  ];
  return (
    <Panel title="Frozen months" flush hint="they never change again; what is booked for them later is an adjustment of the month in which it is booked">
      {error ? (
        <Group p="md">
          <Failed error={error} what="Frozen months cannot be shown" again={again} />
        </Group>
      ) : !items ? (
        <Group p="md">
          <Loading rows={2} />
        </Group>
      ) : items.length === 0 ? (
        <Empty title="No month is frozen yet">Once a month is over and its bills agree, freeze it with a word why.</Empty>
      ) : (
        <DataTable label="Frozen months" columns={columns} rows={items} keyOf={(row) => `${row.month} ${row.by}`} open={(row) => choose(row.month)} fixed />
      )}
    </Panel>
  );
}

