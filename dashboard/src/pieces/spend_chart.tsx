/** Something over time, stacked by what it belongs to. Bars are drawn from floating point; every number that is told is exact. */

import { ActionIcon, Skeleton, Table, UnstyledButton } from "@mantine/core";
import { IconChartBar, IconTable } from "@tabler/icons-react";
import { lazy, Suspense, useMemo, useState } from "react";
import { exact as exactly, shown } from "../money";
import { arranged, place, REST, shownAs, type Piece } from "./chart_data";
import { cut, plain } from "./plain";
import { Said, titleOf } from "./said";
import { count, ZONE } from "../time";

// The charting library is three times the rest of a page: what the chart is about stands beside it before it is here.
const Bars = lazy(() => import("./bars").then(({ Bars }) => ({ default: Bars })));

export type Unit = "usd" | "tokens" | "requests" | "ms";

interface Props {
  pieces: readonly Piece[];
  /** All buckets of the range, so that a day without spend is a gap and not left out. */
  buckets: readonly string[];
  /** The sums of the period before, bucket by bucket from its beginning. */
  past?: readonly (bigint | null)[];
  /** Null is what has no name. */
  pick?: (name: string | null) => void;
  /** From the beginning of one bucket to the beginning of another one, both meant. */
  zoom?: (first: string, last: string) => void;
  height?: number;
  unit?: Unit;
  /** What cannot be added up is drawn as lines. */
  lines?: boolean;
  name?: (at: string) => string;
  /** What it shows, for those who cannot see it: "Spend". */
  label?: string;
  /** How that is called which has no name. */
  nobody?: string;
}

/** Characters of a name in the legend. */
const NAMED = 120;

export function SpendChart({ pieces, buckets, past, pick, zoom, height: tall = 240, unit = "usd", lines = false, name = bucketName, label = "Spend", nobody = "none" }: Props) {
  const [asTable, setAsTable] = useState(false);
  const { series, exact, totals } = useMemo(() => arranged(pieces, lines), [pieces, lines]);
  const shownSeries = useMemo(() => shownAs(series, nobody), [series, nobody]);
  const told = (amount: bigint | undefined) => <Told amount={amount ?? (lines ? undefined : 0n)} unit={unit} />;
  return (
    <div>
      <div className="tw-chart-head">
        <div className="tw-legend">
          {shownSeries.map(({ key, of, label: called, colour }) => {
            const inner = (
              <>
                <Swatch colour={colour} /> <span className="tw-clip">{plain(cut(called, NAMED))}</span>
              </>
            );
            return pick && of !== REST ? (
              <UnstyledButton key={key} onClick={() => pick(of)} fz="xs" title={`Only ${titleOf(called)}`}>
                {inner}
              </UnstyledButton>
            ) : (
              <span key={key} title={titleOf(called)}>
                {inner}
              </span>
            );
          })}
          {past && (
            <span>
              <span className="tw-past-mark" aria-hidden /> the period before
            </span>
          )}
        </div>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="sm"
          aria-label={asTable ? "Show as chart" : "Show as table"}
          title={asTable ? "Show as chart" : "Show as table"}
          onClick={() => setAsTable(!asTable)}
        >
          {asTable ? <IconChartBar size={16} /> : <IconTable size={16} />}
        </ActionIcon>
      </div>
      {asTable ? (
        <Table.ScrollContainer minWidth={360} mah={tall + 60}>
          <Table aria-label={`${label} over time`} stickyHeader>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Time</Table.Th>
                {shownSeries.map((each) => (
                  <Table.Th key={each.key} ta="right">
                    <div className="tw-clip">
                      <Said text={each.label} />
                    </div>
                  </Table.Th>
                ))}
                {!lines && <Table.Th ta="right">Total</Table.Th>}
                {past && <Table.Th ta="right">Before</Table.Th>}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {buckets.map((at, number) => (
                <Table.Tr key={at}>
                  <Table.Td className="tw-number">{name(at)}</Table.Td>
                  {shownSeries.map((each) => (
                    <Table.Td key={each.key} ta="right">
                      {told(exact.get(place(at, each.of)))}
                    </Table.Td>
                  ))}
                  {!lines && <Table.Td ta="right">{told(totals.get(at))}</Table.Td>}
                  {past && <Table.Td ta="right">{<Told amount={past[number] ?? undefined} unit={unit} />}</Table.Td>}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      ) : (
        <div role="img" aria-label={`${label} in ${buckets.length} steps of time; show as table for the numbers`}>
          <Suspense fallback={<Skeleton height={tall} animate={false} />}>
            <Bars
              buckets={buckets}
              series={shownSeries}
              exact={exact}
              totals={totals}
              past={past}
              pick={pick}
              zoom={zoom}
              tall={tall}
              unit={unit}
              lines={lines}
              name={name}
            />
          </Suspense>
        </div>
      )}
    </div>
  );
}

/** A number of a chart or a table, with every place of it on hover; what is not known says so. */
export function Told({ amount, unit }: { amount: bigint | undefined; unit: Unit }) {
  if (amount === undefined)
    return (
      <span className="tw-number" title="unknown">
        —
      </span>
    );
  return (
    <span className="tw-number" title={exactWords(amount, unit)}>
      {words(amount, unit)}
    </span>
  );
}

export function words(amount: bigint, unit: Unit): string {
  if (unit === "usd") return shown(amount);
  return unit === "ms" ? milliseconds(amount) : count(Number(amount));
}

export function exactWords(amount: bigint, unit: Unit): string {
  return unit === "usd" ? exactly(amount) : `${amount.toLocaleString("en-US")}${unit === "ms" ? " ms" : ""}`;
}

function milliseconds(amount: bigint): string {
  return amount < 1000n ? `${amount} ms` : `${(Number(amount) / 1000).toFixed(1)} s`;
}

export function Swatch({ colour }: { colour: string }) {
  return <span className="tw-swatch" style={{ background: colour }} aria-hidden />;
}

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const HOUR = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** Hours are told in the reader's zone; a day without a time is one of UTC. */
export function bucketName(at: string): string {
  if (at.length === 10) return DAY.format(new Date(`${at}T00:00:00Z`));
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? at : HOUR.format(date);
}

export type Grain = "hour" | "day" | "week" | "month";
export const GRAINS: readonly Grain[] = ["hour", "day", "week", "month"];

/** Names buckets by the instants at which they begin, by the clocks of a zone. */
export function namer(grain: Grain, zone: string = ZONE): (at: string) => string {
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: zone });
  const format =
    grain === "hour"
      ? new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone })
      : grain === "month"
        ? new Intl.DateTimeFormat("en-GB", { month: "short", year: "numeric", timeZone: zone })
        : day;
  return (at) => `${grain === "week" ? "week of " : ""}${format.format(new Date(at))}`;
}

/** The finest grain of which a range has no more than can be told apart. */
export function grainOf(since: number, until: number): Grain {
  const days = (until - since) / 86_400_000;
  return days <= 2.1 ? "hour" : days <= 100 ? "day" : days <= 400 ? "week" : "month";
}

/** Every bucket between two instants, as `/api/v1/spend` names them: in UTC. */
export function bucketsOf(since: number, until: number, grain: "day" | "hour"): string[] {
  const step = grain === "day" ? 86_400_000 : 3_600_000;
  const found: string[] = [];
  for (let at = Math.floor(since / step) * step; at < until && found.length < 1000; at += step)
    found.push(new Date(at).toISOString().slice(0, grain === "day" ? 10 : 13) + (grain === "day" ? "" : ":00Z"));
  return found;
}
