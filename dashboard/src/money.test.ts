import { expect, test } from "vitest";
import { decimal, exact, nanodollars, percent, share, shown, sum, times, typed } from "./money";

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
  ["-0.00042", "-$0.00042"],
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
  expect(percent(12_345n, 100n)).toBe("12,345.0 %");
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
