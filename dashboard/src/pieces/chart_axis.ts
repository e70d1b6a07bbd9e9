/** The ticks of an axis: equal steps, each label with the places that the step needs. */

import type { Unit } from "./spend_chart";
import { place, type Arranged } from "./chart_data";

/** Into how many steps a chart is divided, about. */
const STEPS = 4n;
/** The first figures of a step, in hundredths: a quarter is no whole number of the smallest unit. */
const NICE = [100n, 200n, 250n, 500n, 1000n] as const;

/** From the lowest of all bars, or lines, to the highest; zero is always among them. */
export function reachOf({ series, exact }: Pick<Arranged, "series" | "exact">, buckets: readonly string[], past: readonly (bigint | null)[] | undefined, lines: boolean): [bigint, bigint] {
  let [least, most] = [0n, 0n];
  const seen = (amount: bigint) => {
    if (amount < least) least = amount;
    if (amount > most) most = amount;
  };
  for (const at of buckets) {
    let [below, above] = [0n, 0n];
    for (const of of series) {
      const amount = exact.get(place(at, of)) ?? 0n;
      if (lines) seen(amount);
      else if (amount < 0n) below += amount;
      else above += amount;
    }
    seen(below);
    seen(above);
  }
  for (const amount of past ?? []) seen(amount ?? 0n);
  return [least, most];
}

/** Where the ticks are: at least one step, in whole steps, from below `least` to above `most`. */
export function ticksOf(least: bigint, most: bigint): bigint[] {
  const step = stepOf(most - least);
  const first = least < 0n ? -ceiling(-least, step) : 0n;
  const last = most > 0n || least >= 0n ? (ceiling(most, step) || 1n) : 0n;
  return [...Array(Number(last - first) + 1).keys()].map((number) => (first + BigInt(number)) * step);
}

function stepOf(reach: bigint): bigint {
  const wanted = ceiling(reach, STEPS) || 1n;
  for (let power = 1n; ; power *= 10n)
    for (const figures of NICE) {
      const step = figures * power;
      if (step % 100n === 0n && step >= wanted * 100n) return step / 100n;
    }
}

interface Scale {
  from: bigint;
  name: string;
}

const SCALES: Record<Unit, readonly Scale[]> = {
  usd: [
    { from: 1_000_000_000_000_000n, name: "M" },
    { from: 1_000_000_000_000n, name: "k" },
    { from: 1_000_000_000n, name: "" },
  ],
  tokens: [
    { from: 1_000_000_000n, name: "\u00a0G" },
    { from: 1_000_000n, name: "\u00a0M" },
    { from: 10_000n, name: "\u00a0k" },
    { from: 1n, name: "" },
  ],
  requests: [],
  ms: [
    { from: 1_000n, name: "\u00a0s" },
    { from: 1n, name: "\u00a0ms" },
  ],
};

/** "$0.015" beside "$0.030": the places are those of the step, so that equal steps look equal. */
export function tickWords(amount: bigint, step: bigint, unit: Unit): string {
  const [sign, size] = amount < 0n ? ["−", -amount] : ["", amount];
  const scales = SCALES[unit === "requests" ? "tokens" : unit];
  const scale = scales.find(({ from }) => size >= from) ?? scales.at(-1);
  if (!scale) return String(amount);
  const whole = scale.name === "\u00a0k" ? 1_000n : scale.from;
  const most = whole.toString().length - 1;
  const needed = [...Array(most).keys()].find((places) => (step * 10n ** BigInt(places)) % whole === 0n) ?? most;
  // Cents are two places or none.
  const places = unit === "usd" && scale.name === "" && needed === 1 ? 2 : needed;
  const digits = (size * 10n ** BigInt(places)) / whole;
  const written = digits.toString().padStart(places + 1, "0");
  const point = written.length - places;
  const number = `${written.slice(0, point).replace(/\B(?=(\d{3})+$)/g, ",")}${places ? `.${written.slice(point)}` : ""}`;
  return size === 0n ? { usd: "$0", ms: "0\u00a0ms", tokens: "0", requests: "0" }[unit] : `${sign}${unit === "usd" ? "$" : ""}${number}${scale.name}`;
}

function ceiling(amount: bigint, step: bigint): bigint {
  return (amount + step - 1n) / step;
}
