import { expect, test } from "vitest";
import { reachOf, ticksOf, tickWords } from "./chart_axis";
import { arranged } from "./chart_data";
import { nanodollars } from "../money";
import type { Unit } from "./spend_chart";

function labels(least: bigint, most: bigint, unit: Unit = "usd"): string[] {
  const ticks = ticksOf(least, most);
  const step = (ticks[1] ?? 0n) - (ticks[0] ?? 0n);
  return ticks.map((tick) => tickWords(tick, step, unit).replaceAll("\u00a0", " "));
}

test.each<[string, string, string[]]>([
  ["0", "0.06", ["$0", "$0.02", "$0.04", "$0.06"]],
  ["0", "0.1", ["$0", "$0.025", "$0.050", "$0.075", "$0.100"]],
  ["0", "1.9", ["$0", "$0.50", "$1.00", "$1.50", "$2.00"]],
  ["0", "37", ["$0", "$10", "$20", "$30", "$40"]],
  ["0", "9.5", ["$0", "$2.50", "$5.00", "$7.50", "$10.00"]],
  ["0", "1800", ["$0", "$500", "$1.0k", "$1.5k", "$2.0k"]],
  ["0", "1000000", ["$0", "$250k", "$500k", "$750k", "$1.00M"]],
  ["0", "0.000000003", ["$0", "$0.000000001", "$0.000000002", "$0.000000003"]],
  ["-0.00998978", "0.001", ["−$0.010", "−$0.005", "$0", "$0.005"]],
  ["-4", "0", ["−$4", "−$3", "−$2", "−$1", "$0"]],
])("from %s to %s dollars each tick says what it is", (least, most, wanted) => {
  expect(labels(nanodollars(least), nanodollars(most))).toEqual(wanted);
});

test("steps that are equal look equal", () => {
  for (let most = 9n; most < 10n ** 18n; most = (most * 7n) / 4n + 1n) {
    const ticks = ticksOf(-most / 3n, most);
    expect(ticks.length).toBeGreaterThan(2);
    expect(ticks.length).toBeLessThan(9);
    expect([ticks[0]! <= -most / 3n, ticks.at(-1)! >= most]).toEqual([true, true]);
    expect(new Set(labels(-most / 3n, most)).size).toBe(ticks.length);
  }
});

test("other units have their own names", () => {
  expect(labels(0n, 48_000n, "tokens")).toEqual(["0", "20 k", "40 k", "60 k"]);
  expect(labels(0n, 3n, "requests")).toEqual(["0", "1", "2", "3"]);
  expect(labels(0n, 4_800n, "ms")).toEqual(["0 ms", "2 s", "4 s", "6 s"]);
  expect(labels(0n, 950n, "ms")).toEqual(["0 ms", "250 ms", "500 ms", "750 ms", "1.00 s"]);
  expect(labels(0n, 0n, "requests")).toEqual(["0", "1"]);
});

test("bars reach as far as what is stacked on each side, lines as far as the highest", () => {
  const pieces = [
    { at: "a", of: "x", amount: 5n },
    { at: "a", of: "y", amount: 4n },
    { at: "a", of: "z", amount: -3n },
    { at: "b", of: "y", amount: -2n },
  ];
  expect(reachOf(arranged(pieces, false), ["a", "b"], undefined, false)).toEqual([-3n, 9n]);
  expect(reachOf(arranged(pieces, true), ["a", "b"], [null, 12n], true)).toEqual([-3n, 12n]);
});
