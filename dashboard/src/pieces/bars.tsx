/** The drawing of a chart over time; in a chunk of its own, because of the library. */

import { useState } from "react";
import { Bar, CartesianGrid, ComposedChart, Line, ReferenceArea, ReferenceLine, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import { reachOf, ticksOf, tickWords } from "./chart_axis";
import { place, REST, type Series } from "./chart_data";
import { cut, plain } from "./plain";
import { Swatch, words, type Unit } from "./spend_chart";

interface Props {
  buckets: readonly string[];
  series: readonly Series[];
  exact: ReadonlyMap<string, bigint>;
  totals: ReadonlyMap<string, bigint>;
  past?: readonly (bigint | null)[];
  pick?: (name: string | null) => void;
  zoom?: (first: string, last: string) => void;
  tall: number;
  unit: Unit;
  lines: boolean;
  name: (at: string) => string;
}

type Selected = { from: string; to: string } | null;
/** Pixels of a character of an axis. */
const WIDE = 7;
const TEXT = { fill: "var(--mantine-color-dimmed)", fontSize: 11 };

export function Bars({ buckets, series, exact, totals, past, pick, zoom, tall, unit, lines, name }: Props) {
  const [selected, setSelected] = useState<Selected>(null);
  const scale = unit === "usd" ? 1e9 : 1;
  const drawn = (amount: bigint | null | undefined) => (amount === null || amount === undefined ? null : Number(amount) / scale);
  const data = buckets.map((at, number) => ({
    at,
    past: drawn(past?.[number]),
    ...Object.fromEntries(series.map(({ of }, number) => [`s${number}`, drawn(exact.get(place(at, of))) ?? (lines ? null : 0)])),
  }));
  const ticks = ticksOf(...reachOf({ series: series.map(({ of }) => of), exact }, buckets, past, lines));
  const labels = ticks.map((tick) => tickWords(tick, (ticks[1] ?? 0n) - (ticks[0] ?? 0n), unit));
  const heights = ticks.map((tick) => Number(tick) / scale);
  const isBelow = (ticks[0] ?? 0n) < 0n;
  const finish = () => {
    if (selected && selected.from !== selected.to) {
      const [first, last] = [selected.from, selected.to].sort();
      if (first && last) zoom?.(first, last);
    }
    setSelected(null);
  };
  return (
    <ResponsiveContainer width="100%" height={tall}>
      <ComposedChart
        data={data}
        // Credits hang below zero; stacked with the rest they would lie upon what was spent.
        stackOffset="sign"
        accessibilityLayer={false}
        margin={{ top: 6, right: 4, bottom: 0, left: 0 }}
        style={zoom ? { cursor: "crosshair", userSelect: "none" } : undefined}
        onMouseDown={zoom && (({ activeLabel: at }) => setSelected(typeof at === "string" ? { from: at, to: at } : null))}
        onMouseMove={zoom && (({ activeLabel: at }) => setSelected((now) => (now && typeof at === "string" && at !== now.to ? { ...now, to: at } : now)))}
        onMouseUp={zoom && finish}
        onMouseLeave={() => setSelected(null)}
      >
        <CartesianGrid vertical={false} stroke="var(--tw-line)" />
        <XAxis dataKey="at" tickFormatter={name} minTickGap={28} tickLine={false} axisLine={{ stroke: "var(--tw-line)" }} tick={TEXT} />
        <YAxis
          width={Math.max(52, WIDE * Math.max(...labels.map((label) => label.length)))}
          domain={[heights[0] ?? 0, heights.at(-1) ?? 1]}
          ticks={heights}
          tickFormatter={(value: number) => labels[heights.indexOf(value)] ?? ""}
          interval={0}
          tickLine={false}
          axisLine={false}
          tick={TEXT}
        />
        <Tooltip
          isAnimationActive={false}
          cursor={{ fill: "var(--tw-hover)", stroke: "var(--tw-line)" }}
          content={({ active, label }) =>
            active && typeof label === "string" ? (
              <Tip at={label} series={series} exact={exact} total={lines ? undefined : (totals.get(label) ?? 0n)} past={past?.[buckets.indexOf(label)]} unit={unit} name={name} />
            ) : null
          }
        />
        {series.map(({ key, of, colour }, number) =>
          lines ? (
            <Line key={key} dataKey={`s${number}`} stroke={colour} strokeWidth={1.8} dot={(point: DotProps) => <Lonely key={point.index} {...point} of={`s${number}`} data={data} />} connectNulls isAnimationActive={false} />
          ) : (
            <Bar
              key={key}
              dataKey={`s${number}`}
              stackId="all"
              fill={colour}
              maxBarSize={34}
              isAnimationActive={false}
              style={pick && of !== REST ? { cursor: "pointer" } : undefined}
              onClick={() => {
                // What was dragged over was meant as a range.
                if (pick && of !== REST && (!selected || selected.from === selected.to)) pick(of);
              }}
            />
          ),
        )}
        {past && (
          <Line dataKey="past" stroke="var(--mantine-color-text)" strokeWidth={1} strokeDasharray="3 3" dot={false} isAnimationActive={false} connectNulls />
        )}
        {isBelow && <ReferenceLine y={0} stroke="var(--tw-edge)" />}
        {selected && selected.from !== selected.to && <ReferenceArea x1={selected.from} x2={selected.to} fill="var(--tw-bar)" fillOpacity={0.15} />}
      </ComposedChart>
    </ResponsiveContainer>
  );
}

interface DotProps {
  cx?: number;
  cy?: number;
  index?: number;
  stroke?: string;
}

/** A point that no line leads to or from would not be seen. */
function Lonely({ cx, cy, index = 0, stroke, of, data }: DotProps & { of: string; data: readonly Record<string, unknown>[] }) {
  const there = (place: number) => typeof data[place]?.[of] === "number";
  const alone = there(index) && !data.some((_, place) => place !== index && there(place));
  return alone && cx !== undefined && cy !== undefined ? <circle cx={cx} cy={cy} r={3.5} fill={stroke} /> : <g />;
}

interface TipProps {
  at: string;
  series: readonly Series[];
  exact: ReadonlyMap<string, bigint>;
  total?: bigint;
  past?: bigint | null;
  unit: Unit;
  name: (at: string) => string;
}

function Tip({ at, series, exact, total, past, unit, name }: TipProps) {
  return (
    <div className="tw-tip">
      <div className="tw-tip-line">
        <b>{name(at)}</b>
        {total !== undefined && <b className="tw-number">{words(total, unit)}</b>}
      </div>
      {series.map(({ key, of, label, colour }) => {
        const amount = exact.get(place(at, of));
        return amount ? (
          <div className="tw-tip-line" key={key}>
            <span>
              <Swatch colour={colour} /> <span className="tw-clip">{plain(cut(label, 60))}</span>
            </span>
            <span className="tw-number">{words(amount, unit)}</span>
          </div>
        ) : null;
      })}
      {past !== null && past !== undefined && (
        <div className="tw-tip-line">
          <span>
            <span className="tw-past-mark" aria-hidden /> the period before
          </span>
          <span className="tw-number">{words(past, unit)}</span>
        </div>
      )}
    </div>
  );
}
