import { expect, test } from "vitest";
import { changeOf, decimal, exact, nanodollars, percent, placesOf, share, shown, sum, times, typed, withPlaces } from "./money";

test.each([
  ["0", 0n],
  ["1", 1_000_000_000n],
  ["0.000000001", 1n],
  ["-12.5", -12_500_000_000n],
  ["98765432109876543210.123456789", 98_765_432_109_876_543_210_123_456_789n],
])("%s is read exactly, and written back the same", (text, amount) => {
  expect(nanodollars(text)).toBe(amount);
  expect(decimal(amount)).toBe(text);
});

test.each(["", "1.", ".5", "1e3", "NaN", "null", "1.0000000001", "$1", "1,000"])("%j is no amount", (text) => {
  expect(() => nanodollars(text)).toThrow("is no amount");
});

test.each([
  ["0", "$0.00"],
  ["1234.56", "$1,234.56"],
  ["0.01", "$0.01"],
  ["0.005", "$0.005"],
  ["0.00042", "$0.00042"],
  ["0.000426", "$0.00043"],
  ["0.009999", "$0.01"],
  ["0.000000001", "$0.000000001"],
  ["-0.00042", "−$0.00042"],
  ["0.999", "$1.00"],
  ["1234567.895", "$1,234,567.90"],
])("%s is shown as %s", (text, wanted) => {
  expect(shown(nanodollars(text))).toBe(wanted);
});

test("the exact amount keeps every place, and cents at least", () => {
  expect(exact(nanodollars("1234.560000042"))).toBe("$1,234.560000042");
  expect(exact(nanodollars("5"))).toBe("$5.00");
});

test("a part of nothing has no percentage", () => {
  expect(percent(5n, 0n)).toBeNull();
  expect(percent(1n, 8n)).toBe("12.5 %");
  expect(percent(-1n, 8n)).toBe("−12.5 %");
  expect(percent(999n, 100n)).toBe("999.0 %");
});

test("beyond a thousand percent it is so many times", () => {
  expect(percent(1_000n, 100n)).toBe("1,000.0 %");
  expect(percent(2_280n, 100n)).toBe("22.8×");
  expect(percent(180_235n, 1_000n)).toBe("180×");
  expect(percent(-12_345_600n, 1_000n)).toBe("−12,346×");
});

test("a change is told in percent, and from eleven times as much on as so many times what was", () => {
  const told = (now: bigint, before: bigint) => Object.values(changeOf(now, before)).join("");
  expect([told(225n, 200n), told(175n, 200n), told(200n, 200n)]).toEqual(["+12.5 %", "−12.5 %", "0.0 %"]);
  expect([told(1_100n, 100n), told(1_923n, 110n), told(18_123n, 100n)]).toEqual(["+1,000.0 %", "17.5×", "181×"]);
  expect(changeOf(5n, 0n).size).toBeNull();
});

test("a minus is a true one where it is read, and a hyphen where the API takes it", () => {
  expect([shown(-33_250_000_000n), exact(-5n), decimal(-5n)]).toEqual(["−$33.25", "−$0.000000005", "-0.000000005"]);
  expect(typed("−$1.50")).toBe(-1_500_000_000n);
});

test("a receipt has as many places as make its sum visible", () => {
  const of = (parts: string[], total: string) => placesOf([{ parts: parts.map(nanodollars), total: nanodollars(total) }]);
  // $0.0036 + $0.0117 = $0.0153; with three places the first has lost its figures.
  expect(of(["0.0036", "0.01166"], "0.01526")).toBe(4);
  expect(of(["1.25", "0.50"], "1.75")).toBe(2);
  // Nothing is lost where it was zero, and 15.55 before is not 15.55 behind.
  expect(of(["15.55", "0"], "15.55")).toBe(2);
  expect(of(["15.549", "0.00042"], "15.54942")).toBe(5);
  // 0.0104 + 0.0104 is 0.0208: with three places it would be 0.010 + 0.010 = 0.021.
  expect(of(["0.0104", "0.0104"], "0.0208")).toBe(4);
  expect(of(["0.000000001"], "0.000000001")).toBe(9);
  expect([2, 4, 9].map((places) => withPlaces(nanodollars("1234.0149999"), places))).toEqual(["$1,234.01", "$1,234.0150", "$1,234.014999900"]);
  expect(withPlaces(nanodollars("-0.001"), 2)).toBe("$0.00");
});

test("a bar ends at its ends", () => {
  expect(share(5n, 10n)).toBe(0.5);
  expect(share(50n, 10n)).toBe(1);
  expect(share(-5n, 10n)).toBe(0);
  expect(share(1n, 0n)).toBe(1);
});

test("sums and parts are exact where floating point is not", () => {
  expect(sum(["0.1", "0.2"].map(nanodollars))).toBe(nanodollars("0.3"));
  expect(times(nanodollars("10"), 1n, 3n)).toBe(3_333_333_333n);
  expect(times(nanodollars("-10"), 2n, 3n)).toBe(-6_666_666_667n);
});

test("an amount that somebody typed is read as they meant it", () => {
  expect(typed(" $1,000.50 ")).toBe(nanodollars("1000.5"));
  expect(typed("5")).toBe(nanodollars("5"));
  expect(typed("5,5")).toBeNull();
  expect(typed("five")).toBeNull();
});
