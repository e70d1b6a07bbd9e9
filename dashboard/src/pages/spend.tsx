/** Where did it go? */

import { Button, Group, Select, Table, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useMemo } from "react";
import { useApi, type Schemas } from "../api/client";
import { exact, nanodollars, percent, share } from "../money";
import { Amount } from "../pieces/amount";
import { Chip } from "../pieces/chip";
import { Filters, useFilters } from "../pieces/filters";
import { Page, Panel } from "../pieces/page";
import { bucketsOf, SpendChart } from "../pieces/spend_chart";
import { Empty, Failed, Loading } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { carried, useAddress, useSpan } from "../shell/address";
import { count } from "../time";
import { useNavigate } from "@tanstack/react-router";

type Row = Schemas["SpendGroup"];
const BY = ["model", "user", "provider", "key", "service", "group", "gateway", "metadata.team"];
const TWO_DAYS = 2 * 86_400_000;

export function Spend() {
  const [address, go] = useAddress();
  const navigate = useNavigate();
  const { since, until, query } = useSpan();
  const filters = useFilters();
  const first = address.by ?? "model";
  const second = address.then && address.then !== first ? address.then : undefined;
  const grain = until - since <= TWO_DAYS ? "hour" : "day";
  const series = useApi("/api/v1/spend", { query: { ...filters, ...query, group_by: `${grain},${first}` } });
  const groups = useApi("/api/v1/spend", { query: { ...filters, ...query, group_by: second ? `${first},${second}` : first } });
  const buckets = useMemo(() => bucketsOf(since, until, grain), [since, until, grain]);
  const pieces = useMemo(
    () =>
      (series.data?.rows ?? []).map((row) => ({
        at: row.group[grain] ?? "",
        name: row.group[first] ?? "none",
        amount: nanodollars(row.spent_usd),
      })),
    [series.data, grain, first],
  );
  const fields = second ? [first, second] : [first];
  const total = groups.data?.total;
  const follow = (row: Row) => {
    const narrowed = Object.fromEntries(Object.entries(row.group).flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
    void navigate({ to: "/requests", search: { ...carried(address), ...filters, ...narrowed } as never });
  };
  return (
    <Page
      title="Spend explorer"
      question="Where did it go?"
      actions={
        groups.data && (
          <Button variant="default" leftSection={<IconDownload size={14} />} onClick={() => download(fields, groups.data.rows)}>
            CSV
          </Button>
        )
      }
    >
      <Group mb="sm" gap="sm" align="end">
        <Select size="xs" label="By" w={150} data={BY} value={first} onChange={(by) => go({ by: by ?? undefined, sort: undefined })} />
        <Select
          size="xs"
          label="Then by"
          w={150}
          data={[{ value: "", label: "nothing else" }, ...BY.filter((each) => each !== first)]}
          value={second ?? ""}
          onChange={(then) => go({ then: then || undefined })}
        />
        <Filters />
      </Group>
      <div className="tw-stack">
        <Panel title="Over time" hint={total && <Amount of={total.spent_usd} fw={600} />}>
          {series.error ? (
            <Failed error={series.error} what="Spend cannot be shown" again={() => void series.refetch()} />
          ) : !series.data ? (
            <Loading rows={1} height={240} />
          ) : pieces.length === 0 ? (
            <Empty title="Nothing was spent here">Take a filter away, or choose a longer range.</Empty>
          ) : (
            <SpendChart pieces={pieces} buckets={buckets} pick={first === "gateway" ? undefined : (name) => go({ [first]: name === "none" ? undefined : name })} />
          )}
        </Panel>
        <Panel title={`By ${fields.join(" and ")}`} flush hint={groups.data && `${groups.data.rows.length} rows`}>
          {groups.error ? (
            <Failed error={groups.error} what="The table cannot be shown" again={() => void groups.refetch()} />
          ) : !groups.data || !total ? (
            <Group p="md">
              <Loading rows={6} />
            </Group>
          ) : groups.data.rows.length === 0 ? (
            <Empty title="Nothing was spent here" />
          ) : (
            <DataTable
              label="Spend"
              columns={columns(fields, total)}
              rows={groups.data.rows.slice(0, 500)}
              keyOf={(row) => JSON.stringify(row.group)}
              open={follow}
              foot={
                <Table.Tr>
                  <Table.Td colSpan={fields.length + 6}>
                    <Group justify="space-between" fz="sm">
                      <Text span inherit>
                        Total of {count(total.entries)} charges
                        {total.unpriced > 0 && `, and ${count(total.unpriced)} without a price that are in no sum`}
                      </Text>
                      <Amount of={total.spent_usd} />
                    </Group>
                  </Table.Td>
                </Table.Tr>
              }
            />
          )}
        </Panel>
        {first === "group" || second === "group" ? (
          <Text size="xs" c="dimmed">
            By group, a charge stands once in the row of each group its caller is in; the total has it once.
          </Text>
        ) : null}
      </div>
    </Page>
  );
}

function columns(fields: readonly string[], total: Schemas["SpendSum"]): readonly Column<Row>[] {
  const whole = nanodollars(total.spent_usd);
  return [
    ...fields.map<Column<Row>>((field) => ({
      id: field,
      head: field.replace("metadata.", ""),
      by: (row) => row.group[field] ?? null,
      cell: (row) => row.group[field] ?? <Text span inherit c="dimmed">none</Text>,
    })),
    { id: "spent", head: "Spent", number: true, by: (row) => nanodollars(row.spent_usd), cell: (row) => <Spent row={row} /> },
    {
      id: "share",
      head: "Share",
      number: true,
      width: 130,
      cell: (row) => (
        <span className="tw-share">
          <svg className="tw-share-bar" aria-hidden>
            <rect width={`${share(nanodollars(row.spent_usd), whole) * 100}%`} height="100%" rx="2" />
          </svg>
          {percent(nanodollars(row.spent_usd), whole) ?? "—"}
        </span>
      ),
    },
    { id: "entries", head: "Charges", number: true, by: (row) => row.entries, cell: (row) => count(row.entries) },
    { id: "in", head: "Tokens in", number: true, by: (row) => row.input_tokens, cell: (row) => count(row.input_tokens) },
    { id: "out", head: "Tokens out", number: true, by: (row) => row.output_tokens, cell: (row) => count(row.output_tokens) },
    {
      id: "unpriced",
      head: "Unpriced",
      number: true,
      by: (row) => row.unpriced,
      cell: (row) => (row.unpriced > 0 ? <span className="tw-chip" data-tone="unpriced">{count(row.unpriced)}</span> : "0"),
    },
  ];
}

/** A row of nothing but charges without a price has no known sum: that is not $0.00. */
function Spent({ row }: { row: Row }) {
  if (row.unpriced > 0 && row.unpriced === row.entries) return <Chip tone="unpriced">no price</Chip>;
  return <Amount of={row.spent_usd} fw={600} />;
}

/** The table as a spreadsheet reads it. What begins like a formula is written as text (OWASP, CSV injection). */
function download(fields: readonly string[], rows: readonly Row[]): void {
  const head = [...fields, "spent_usd", "charges", "unpriced", "input_tokens", "output_tokens"];
  const lines = rows.map((row) => [
    ...fields.map((field) => row.group[field] ?? ""),
    exact(nanodollars(row.spent_usd)).replace(/[$,]/g, ""),
    row.entries,
    row.unpriced,
    row.input_tokens ?? "",
    row.output_tokens ?? "",
  ]);
  const text = [head, ...lines].map((line) => line.map((cell) => quoted(String(cell))).join(",")).join("\r\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = `spend-by-${fields.join("-")}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function quoted(cell: string): string {
  const safe = /^[=+@\t\r]/.test(cell) || /^-[^0-9.]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
