import { expect, it } from "vitest";
import { tellTimesOf } from "../time";
import { byStanding, timesTold } from "./me_models";

it("keeps what is refused from what still works", () => {
  const models = ["refused", "works", "no_price", "downgraded", "clamped"].map((status) => ({ status }));
  expect(byStanding(models).map((some) => some.map(({ status }) => status))).toEqual([
    ["works", "downgraded", "clamped"],
    ["refused", "no_price"],
  ]);
});

it("tells times by the clocks of the page", () => {
  tellTimesOf("UTC");
  expect(timesTold('refused by budget "a" until 2026-12-01T00:00:00.000Z')).toBe('refused by budget "a" until 1 Dec, 00:00 UTC');
  expect(timesTold("refused by budget 2026 for good")).toBe("refused by budget 2026 for good");
});
