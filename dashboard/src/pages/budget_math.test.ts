import { describe, expect, it } from "vitest";
import { partSpent, stateOf } from "../pieces/budget_bar";
import { againstParent, hasRefused, isWrittenElsewhere, pace, raised, reachedAt, standing, type Account, type Budget } from "./budget_math";

const NOW = Date.UTC(2026, 10, 16);
const RESETS = "2026-12-01T00:00:00.000Z";
const account = (spent_usd: string, limit_usd: string | null = "100") => ({ spent_usd, held_usd: "0", limit_usd, resets_at: RESETS }) as unknown as Account;
const budget = (fields: Partial<Budget> = {}) =>
  ({ id: "a", name: "A", limit_usd: "100", window: { period: "month" }, alerts: [], accounts: [], split_by: [], enabled: true, parent: null, ...fields }) as unknown as Budget;

describe("reachedAt", () => {
  const at = (spent: string) => reachedAt(standing(account(spent), budget(), NOW), budget(), RESETS, NOW);
  it("is when the rest is spent at the pace so far", () => {
    // $75 in 15 of 30 days: $25 more in five.
    expect(at("75")).toBe(Date.UTC(2026, 10, 21));
  });
  it("is nothing where the window ends before, where it is spent, and where nothing is", () => {
    expect([at("49"), at("100"), at("0")]).toEqual([null, null, null]);
  });
});

describe("pace", () => {
  it("is that of the fastest account, and none without a limit", () => {
    expect(pace(budget({ accounts: [account("10"), account("75"), account("900", null)] }), NOW)).toBe(1.5);
  });
});

describe("againstParent", () => {
  it("adds what siblings may spend, not those that are split or switched off, nor itself", () => {
    const parent = budget({ id: "p", name: "P", limit_usd: "100" });
    const all = [
      budget({ id: "b", parent: "p", limit_usd: "30" }),
      budget({ id: "c", parent: "P", limit_usd: "20" }),
      budget({ id: "d", parent: "p", limit_usd: "5", enabled: false }),
      budget({ id: "e", parent: "p", limit_usd: "5", split_by: ["user"] }),
      budget({ id: "self", parent: "p", limit_usd: "60" }),
    ];
    expect(againstParent(70_000_000_000n, parent, all, "self")).toEqual({ children: 120_000_000_000n, parent: 100_000_000_000n });
  });
});

describe("raised", () => {
  const increase = (amount_usd: string, until: string | null, of: string | null = null) => ({ kind: "increase", amount_usd, until, account: of });
  const controls = (...all: object[]) => ({ controls: all }) as unknown as Partial<Budget>;
  it("is what all increases come to, until the first of them ends", () => {
    const some = controls(increase("10", RESETS), increase("5", "2026-11-20T00:00:00.000Z"), { kind: "freeze", account: null });
    expect(raised(budget(some))).toEqual({ more: 15_000_000_000n, until: "2026-11-20T00:00:00.000Z" });
  });
  it("is nothing without one, nor for one account of many", () => {
    expect(raised(budget(controls()))).toBeNull();
    expect(raised(budget({ ...controls(increase("10", null, "A/user=ann")), split_by: ["user"] }))).toBeNull();
  });
});

describe("hasRefused", () => {
  const hit = (at: string, code = "budget_exceeded") => ({ last_hit: { at, code, request_id: "r" } });
  const has = (fields: object, spent = "96") => hasRefused(account(spent), budget(fields), NOW);
  it("is of the window of now, and of a limit that still refuses", () => {
    expect(has(hit("2026-11-02T00:00:00.000Z"))).toBe(true);
    expect(has(hit("2026-10-30T00:00:00.000Z"))).toBe(false);
    expect(has(hit("2026-11-02T00:00:00.000Z", "budget_frozen"))).toBe(false);
    expect(has({ ...hit("2026-11-02T00:00:00.000Z"), mode: "monitor" })).toBe(false);
    expect(has({})).toBe(false);
  });
  it("is of the last while where a window never resets", () => {
    const rolling = (at: string) => hasRefused({ ...account("96"), resets_at: null }, budget({ ...hit(at), window: { every: 3600 } }), NOW);
    expect([rolling("2026-11-15T23:30:00.000Z"), rolling("2026-11-15T22:30:00.000Z")]).toEqual([true, false]);
  });
  it("says refusing where little is left, and near where more is", () => {
    const state = (spent: string, fields: object = {}) => stateOf(standing(account(spent), budget({ ...hit("2026-11-15T00:00:00.000Z"), ...fields }), NOW));
    expect([state("50"), state("94"), state("95"), state("100")]).toEqual(["fine", "near", "refusing", "over"]);
    expect([state("99", { last_hit: null }), state("99", { split_by: ["user"] })]).toEqual(["near", "near"]);
  });
});

describe("isWrittenElsewhere", () => {
  it("is what policies count on and what a gateway limits by itself", () => {
    const of = (id: string, name: string, gateway: string | null) => isWrittenElsewhere(budget({ id, name, gateway }));
    expect([of("policies:each", "each", null), of("g.one", "one", "g"), of("one", "one", "g"), of("one", "one", null)]).toEqual([true, true, false, false]);
  });
});

describe("partSpent", () => {
  it("ends a sentence, of a limit of nothing too", () => {
    expect([partSpent({ limit: 100n, spent: 12n, held: 0n }), partSpent({ limit: 0n, spent: 0n, held: 0n })]).toEqual(["12.0 % spent", "nothing may be spent"]);
  });
});
