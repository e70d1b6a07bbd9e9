import { expect, test } from "vitest";
import { arranged, place, REST, shownAs, type Of, type Piece } from "./chart_data";

const DAY = "2026-11-22";
const piece = (of: Of, amount: bigint, at = DAY): Piece => ({ at, of, amount });

test("a team that is called other, or what the rest is called, is not taken for the rest", () => {
  const { series, exact } = arranged([piece("other", 5n), piece(REST, 3n), piece("all others", 2n)], false);
  expect(series).toEqual(["other", "all others", REST]);
  expect([exact.get(place(DAY, "other")), exact.get(place(DAY, REST))]).toEqual([5n, 3n]);
  const shown = shownAs(series, "none");
  expect(new Set(shown.map(({ key }) => key)).size).toBe(3);
  expect(shown.map(({ label }) => label)).toEqual(["other", "all others", "all others"]);
  expect(shown[2]?.colour).not.toBe(shown[1]?.colour);
});

test("somebody who is called none is not taken for nobody", () => {
  const { series, exact } = arranged([piece("none", 5n), piece(null, 3n)], false);
  expect(series).toEqual(["none", null]);
  expect([exact.get(place(DAY, "none")), exact.get(place(DAY, null))]).toEqual([5n, 3n]);
  expect(shownAs(series, "unknown").map(({ label }) => label)).toEqual(["none", "unknown"]);
});

test("what is beyond eight is put into the rest, which adds up with them", () => {
  const pieces = [...Array(11).keys()].map((number) => piece(`m${number}`, BigInt(100 - number)));
  const { series, exact, totals } = arranged(pieces, false);
  expect(series).toHaveLength(8);
  expect(series.at(-1)).toBe(REST);
  expect(exact.get(place(DAY, REST))).toBe(93n + 92n + 91n + 90n);
  expect(totals.get(DAY)).toBe(pieces.reduce((sum, { amount }) => sum + amount, 0n));
});

test("a large credit has a place of its own and is not taken off what others spent", () => {
  const pieces = [...Array(9).keys()].map((number) => piece(`m${number}`, BigInt(10 + number)));
  const { series, exact, totals } = arranged([...pieces, piece("credited", -50n), piece(REST, -1n)], false);
  expect(series[0]).toBe("credited");
  expect(exact.get(place(DAY, "credited"))).toBe(-50n);
  expect(exact.get(place(DAY, REST))).toBe(10n + 11n + 12n - 1n);
  expect(totals.get(DAY)).toBe(126n - 51n);
});
