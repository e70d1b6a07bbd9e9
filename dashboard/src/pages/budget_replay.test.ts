import { describe, expect, it } from "vitest";
import { partOfLimit, whole } from "./budget_replay";

const replayed = { requests: 26, spent_usd: "20", unpriced: 1, blocked: 48, blocked_usd: "36.70", blocked_unpriced: 2 };

describe("whole", () => {
  it("has what was refused on top of what passed", () => {
    expect(whole({ ...replayed, mode: "enforce" })).toEqual({ requests: 74, amount: 56_700_000_000n, unpriced: 3 });
  });
  it("has it once where it is only watched", () => {
    const watched = { ...replayed, requests: 74, spent_usd: "56.70", unpriced: 3 };
    expect(whole({ ...watched, mode: "monitor" })).toEqual({ requests: 74, amount: 56_700_000_000n, unpriced: 3 });
  });
});

describe("partOfLimit", () => {
  it("is a percentage that is grouped, and beyond ten times the limit how many times", () => {
    expect([0, 85, 1_000, 1_001, 22_800, 22_806_263_060_000].map(partOfLimit)).toEqual(["0 %", "85 %", "1,000 %", "10×", "228×", "228,062,630,600×"]);
  });
});
