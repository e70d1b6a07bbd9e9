import { describe, expect, it } from "vitest";
import { nanodollars } from "../money";
import { changedBy, costOf } from "./price_effect";

const usd = nanodollars;

describe("costOf", () => {
  it("charges every token once: what came of a cache is no fresh input", () => {
    const tokens = { input: 1_000_000, cache_read: 400_000, cache_write: 100_000, output: 200_000 };
    expect(costOf(tokens, { input: usd("2"), output: usd("10"), cache_read: usd("0.2"), cache_write: usd("2.5") })).toBe(usd("3.33"));
  });
  it("bills a cache as input where it has no price of its own", () => {
    expect(costOf({ input: 1_000_000, cache_read: 500_000, cache_write: null, output: 0 }, { input: usd("2"), output: usd("1") })).toBe(usd("2"));
  });
  it("does not know what was used from half of it", () => {
    expect(costOf({ input: null, cache_read: null, cache_write: null, output: 5 }, { input: 1n, output: 1n })).toBeNull();
  });
});

describe("changedBy", () => {
  it("is exact, both ways", () => {
    expect([changedBy(usd("100"), "12.5", false), changedBy(usd("100"), "12.5", true)]).toEqual([usd("87.5"), usd("112.5")]);
  });
  it("is nothing for what is no percentage", () => {
    expect([changedBy(1n, "", true), changedBy(1n, "-5", true), changedBy(1n, "a", true)]).toEqual([null, null, null]);
  });
});
