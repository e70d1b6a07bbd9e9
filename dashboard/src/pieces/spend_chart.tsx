/** Spend over time, stacked by what it went to. Bars are drawn from floating point; every number that is told is exact. */

import { BarChart } from "@mantine/charts";
import "@mantine/charts/styles.css";
import { ActionIcon, Table, Text, Tooltip, UnstyledButton } from "@mantine/core";
import { IconChartBar, IconTable } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { brief, height, shown, type Nanodollars } from "../money";
import { colours, OTHER } from "../theme";
import { Amount } from "./amount";

export interface Piece {
  /** The bucket of time, as the API names it: "2026-11-22" or "2026-11-22T14:00Z". */
  at: string;
  name: string;
  amount: Nanodollars;
}

interface Props {
  pieces: readonly Piece[];
  /** All buckets of the range, so that a day without spend is a gap and not left out. */
  buckets: readonly string[];
  pick?: (name: string) => void;
  height?: number;
}

const MOST = 8;
export const REST = "other";

export function SpendChart({ pieces, buckets, pick, height: tall = 240 }: Props) {
  const [asTable, setAsTable] = useState(false);
  const { names, bars, exact, totals } = useMemo(() => arranged(pieces, buckets), [pieces, buckets]);
  const colour = useMemo(() => colours(names.filter((name) => name !== REST)), [names]);
  const series = names.map((name) => ({ name: place(names, name), label: name, color: colour.get(name) ?? OTHER }));
  return (
    <div>
      <div className="tw-chart-head">
        <div className="tw-legend">
          {series.map(({ label, color }) =>
            pick && label !== REST ? (
              <UnstyledButton key={label} onClick={() => pick(label)} fz="xs">
                <Swatch colour={color} /> {label}
              </UnstyledButton>
            ) : (
              <span key={label}>
                <Swatch colour={color} /> {label}
              </span>
            ),
          )}
        </div>
        <Tooltip label={asTable ? "Show as chart" : "Show as table"}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            aria-label={asTable ? "Show as chart" : "Show as table"}
            onClick={() => setAsTable(!asTable)}
          >
            {asTable ? <IconChartBar size={16} /> : <IconTable size={16} />}
          </ActionIcon>
        </Tooltip>
      </div>
      {asTable ? (
        <Table.ScrollContainer minWidth={360} mah={tall + 60}>
          <Table aria-label="Spend over time">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Time</Table.Th>
                {names.map((name) => (
                  <Table.Th key={name} ta="right">
                    {name}
                  </Table.Th>
                ))}
                <Table.Th ta="right">Total</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {buckets.map((at) => (
                <Table.Tr key={at}>
                  <Table.Td>{bucketName(at)}</Table.Td>
                  {names.map((name) => (
                    <Table.Td key={name} ta="right">
                      <Amount of={exact.get(`${at}\0${name}`) ?? 0n} />
                    </Table.Td>
                  ))}
                  <Table.Td ta="right">
                    <Amount of={totals.get(at) ?? 0n} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      ) : (
        <div role="img" aria-label={`Spend in ${buckets.length} steps of time; show as table for the numbers`}>
          <BarChart
            h={tall}
            data={bars}
            dataKey="at"
            type="stacked"
            series={series}
            gridAxis="x"
            tickLine="none"
            strokeDasharray="0"
            maxBarWidth={34}
            valueFormatter={(dollars) => brief(BigInt(Math.round(dollars * 1e9)))}
            yAxisProps={{ width: 56 }}
            xAxisProps={{ tickFormatter: bucketName, minTickGap: 24 }}
            barProps={{ isAnimationActive: false }}
            gridColor="var(--tw-line)"
            textColor="dimmed"
            tooltipAnimationDuration={0}
            tooltipProps={{
              content: ({ label }) => (
                <Tip at={String(label ?? "")} names={names} exact={exact} total={totals.get(String(label ?? "")) ?? 0n} colour={colour} />
              ),
            }}
          />
        </div>
      )}
    </div>
  );
}

interface TipProps {
  at: string;
  names: readonly string[];
  exact: Map<string, Nanodollars>;
  total: Nanodollars;
  colour: Map<string, string>;
}

function Tip({ at, names, exact, total, colour }: TipProps) {
  if (!at) return null;
  return (
    <div className="tw-tip">
      <div className="tw-tip-line">
        <b>{bucketName(at)}</b>
        <b>{shown(total)}</b>
      </div>
      {names.map((name) => {
        const amount = exact.get(`${at}\0${name}`);
        return amount ? (
          <div className="tw-tip-line" key={name}>
            <span>
              <Swatch colour={colour.get(name) ?? OTHER} /> {name}
            </span>
            <Text span inherit className="tw-number">
              {shown(amount)}
            </Text>
          </div>
        ) : null;
      })}
    </div>
  );
}

export function Swatch({ colour }: { colour: string }) {
  return <span className="tw-swatch" style={{ background: colour }} aria-hidden />;
}

/** A key that Recharts does not take for a path: names have dots. */
function place(names: readonly string[], name: string): string {
  return `s${names.indexOf(name)}`;
}

function arranged(pieces: readonly Piece[], buckets: readonly string[]) {
  const byName = new Map<string, Nanodollars>();
  for (const { name, amount } of pieces) if (amount !== 0n) byName.set(name, (byName.get(name) ?? 0n) + amount);
  const ordered = [...byName].sort((a, b) => (a[1] < b[1] ? 1 : a[1] > b[1] ? -1 : 0)).map(([name]) => name);
  const kept = new Set(ordered.slice(0, ordered.length > MOST ? MOST - 1 : MOST));
  const names = ordered.length > kept.size ? [...kept, REST] : [...kept];
  const exact = new Map<string, Nanodollars>();
  const totals = new Map<string, Nanodollars>();
  for (const { at, name, amount } of pieces) {
    // What has no price has no height either; it is counted beside the chart.
    if (amount === 0n) continue;
    const key = `${at}\0${kept.has(name) ? name : REST}`;
    exact.set(key, (exact.get(key) ?? 0n) + amount);
    totals.set(at, (totals.get(at) ?? 0n) + amount);
  }
  const bars = buckets.map((at) => ({
    at,
    ...Object.fromEntries(names.map((name) => [place(names, name), height(exact.get(`${at}\0${name}`) ?? 0n)])),
  }));
  return { names, bars, exact, totals };
}

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const HOUR = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** Hours are told in the reader's zone; days are days of UTC, as they are summed. */
export function bucketName(at: string): string {
  if (at.length === 10) return DAY.format(new Date(`${at}T00:00:00Z`));
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? at : HOUR.format(date);
}

/** Every bucket between two instants, as the API names them. */
export function bucketsOf(since: number, until: number, grain: "day" | "hour"): string[] {
  const step = grain === "day" ? 86_400_000 : 3_600_000;
  const found: string[] = [];
  for (let at = Math.floor(since / step) * step; at < until && found.length < 1000; at += step)
    found.push(new Date(at).toISOString().slice(0, grain === "day" ? 10 : 13) + (grain === "day" ? "" : ":00Z"));
  return found;
}
