/** The table of the explorer: rows and "other" add up to the total, which is the ledger's. */

import { Table, Text } from "@mantine/core";
import { useMemo } from "react";
import type { Schemas } from "../api/client";
import { changeOf as changeFrom, nanodollars, percent, share } from "../money";
import { Amount } from "../pieces/amount";
import { Chip } from "../pieces/chip";
import { Said } from "../pieces/said";
import { Told } from "../pieces/spend_chart";
import { DataTable, type Column } from "../pieces/table";
import { count } from "../time";
import { fieldName } from "./words";
import type { Measure } from "./spend_measures";

type Answer = Schemas["AnalyticsAnswer"];
type Figures = Schemas["Figures"];

export interface Row {
  group: Record<string, string | null>;
  figures: Figures;
  /** Of the period before; null where it is not known. */
  before?: Figures | null;
}

interface Props {
  answer: Answer;
  before?: Answer;
  measure: Measure;
  open: (row: Row) => void;
}

export function SpendTable({ answer, before, measure, open }: Props) {
  const rows = useMemo(() => rowsOf(answer, before), [answer, before]);
  const columns = useMemo(() => columnsOf(answer, measure, !!before), [answer, measure, before]);
  const rest = answer.other && { group: {}, figures: answer.other.whole, before: null };
  const total = { group: {}, figures: answer.total.whole, before: before?.total.whole ?? null };
  const line = (words: string, row: Row) => (
    <Table.Tr key={words}>
      {columns.map((column, number) => (
        <Table.Td key={column.id} data-number={column.number || undefined}>
          <Text span className="tw-card-label" aria-hidden>
            {number === 0 ? "" : column.head}
          </Text>
          <div className="tw-cell">{number === 0 ? words : number < answer.by.length ? "" : column.cell(row)}</div>
        </Table.Td>
      ))}
    </Table.Tr>
  );
  return (
    <DataTable
      label="Spend"
      columns={columns}
      rows={rows}
      keyOf={(row) => JSON.stringify(row.group)}
      open={open}
      foot={
        <>
          {rest && line(`${answer.others.toLocaleString("en-US")} others`, rest)}
          {line("Total", total)}
        </>
      }
    />
  );
}

function rowsOf(answer: Answer, before: Answer | undefined): Row[] {
  const known = new Map((before?.groups ?? []).map((one) => [JSON.stringify(one.group), one.whole]));
  return answer.groups.map(({ group, whole }) => ({
    group,
    figures: whole,
    // Where all groups of then are here, one that is not among them was nothing; else nobody knows.
    before: before && (known.get(JSON.stringify(group)) ?? (before.other ? null : NOTHING)),
  }));
}

const NOTHING: Figures = {
  cost: { spent_usd: "0", entries: 0, unpriced: 0 },
  tokens: { input: 0, cache_read: 0, cache_write: 0, output: 0, reasoning: 0 },
  requests: { requests: 0, refused: 0 },
  errors: { errors: 0, requests: 0 },
  cache: { saved_usd: "0", cached: 0, saved_unknown: 0 },
};

function columnsOf(answer: Answer, measure: Measure, compared: boolean): readonly Column<Row>[] {
  const whole = measure.of(answer.total.whole) ?? 0n;
  const shown = new Set(["cost", "requests", "input", "output"]);
  const columns: Column<Row>[] = answer.by.map((field) => ({
    id: field,
    head: fieldName(field),
    by: (row) => row.group[field] ?? null,
    cell: (row) =>
      row.group[field] ? (
        <div className="tw-clip">
          <Said text={row.group[field]} />
        </div>
      ) : (
        <span className="tw-dim">none</span>
      ),
  }));
  if (!shown.has(measure.id))
    columns.push({ id: measure.id, head: measure.label, number: true, by: (row) => measure.of(row.figures), cell: (row) => <Told amount={measure.of(row.figures) ?? undefined} unit={measure.unit} /> });
  if (answer.metrics.includes("cost"))
    columns.push({
      id: "cost",
      head: "Spent",
      number: true,
      by: ({ figures: { cost } }) => (cost ? nanodollars(cost.spent_usd) : null),
      cell: ({ figures: { cost } }) =>
        cost && cost.unpriced > 0 && cost.unpriced === cost.entries ? <Chip tone="unpriced">no price</Chip> : <Amount of={cost?.spent_usd} fw={600} />,
    });
  if (!measure.rank)
    columns.push({
      id: "share",
      head: measure.id === "cost" ? "Share" : `Share of ${measure.label.toLowerCase()}`,
      number: true,
      width: 130,
      cell: (row) => {
        const part = knownOf(row, measure);
        return part === null || whole === 0n ? (
          "—"
        ) : (
          <span className="tw-share">
            <svg className="tw-share-bar" aria-hidden>
              <rect width={`${share(part, whole) * 100}%`} height="100%" rx="2" />
            </svg>
            <span className="tw-share-part">{percent(part, whole)}</span>
          </span>
        );
      },
    });
  if (compared)
    columns.push({
      id: "before",
      head: "Change",
      number: true,
      by: (row) => changeOf(row, measure),
      cell: (row) => <Changed row={row} measure={measure} />,
    });
  if (answer.metrics.includes("requests"))
    columns.push({ id: "requests", head: "Requests", number: true, by: ({ figures }) => figures.requests?.requests ?? null, cell: ({ figures }) => count(figures.requests?.requests) });
  if (answer.metrics.includes("tokens"))
    columns.push(
      { id: "input", head: "Tokens in", number: true, by: ({ figures }) => figures.tokens?.input ?? null, cell: ({ figures }) => count(figures.tokens?.input) },
      { id: "output", head: "Tokens out", number: true, by: ({ figures }) => figures.tokens?.output ?? null, cell: ({ figures }) => count(figures.tokens?.output) },
    );
  if (answer.metrics.includes("cost"))
    columns.push({
      id: "unpriced",
      head: "Unpriced",
      number: true,
      by: ({ figures: { cost } }) => cost?.unpriced ?? null,
      cell: ({ figures: { cost } }) => (cost && cost.unpriced > 0 ? <span className="tw-chip" data-tone="unpriced">{count(cost.unpriced)}</span> : "0"),
    });
  return columns;
}

/** What is nothing but charges without a price has no known sum. */
function knownOf({ figures }: Row, measure: Measure): bigint | null {
  const { cost } = figures;
  return measure.metric === "cost" && cost && cost.unpriced > 0 && cost.unpriced === cost.entries ? null : measure.of(figures);
}

function changeOf(row: Row, measure: Measure): bigint | null {
  const [now, before] = [knownOf(row, measure), row.before ? measure.of(row.before) : null];
  return now === null || before === null ? null : now - before;
}

function Changed({ row, measure }: { row: Row; measure: Measure }) {
  const change = changeOf(row, measure);
  if (change === null) return <span title="unknown">—</span>;
  const before = row.before ? measure.of(row.before) : null;
  const size = change < 0n ? -change : change;
  return (
    <span className="tw-number">
      {change === 0n ? "±" : change > 0n ? "+" : "−"}
      <Told amount={size} unit={measure.unit} />
      <Text span inherit c="dimmed" fz="xs">
        {" "}
        {before ? changeFrom(before + change, before).size : change === 0n ? "" : "new"}
      </Text>
    </span>
  );
}
