import { expect, test } from "vitest";
import { effectOf, told } from "./policy_effect";

const matrix = (allowed: Record<string, Record<string, boolean>>) => ({
  rows: Object.entries(allowed).map(([name, cells]) => ({
    name,
    cells: Object.entries(cells).map(([model, may]) => ({ model, allowed: may, decision: may ? ("permitted" as const) : ("blocked" as const), policies: [], limit_usd: null, period: null, why: "" })),
  })),
});

test("what is refused from then on is told by group and model", () => {
  const before = matrix({ web: { a: true, b: true }, interns: { a: true, b: false } });
  const found = effectOf(before, matrix({ web: { a: false, b: false }, interns: { a: false, b: true } }));
  expect(found.lost).toEqual([["web", ["a", "b"]], ["interns", ["a"]]]);
  expect(found.gained).toEqual([["interns", ["b"]]]);
  expect(told(found.lost, ["loses", "lose"])).toBe("2 groups lose 2 models");
  expect(told(found.gained, ["gains", "gain"])).toBe("1 group gains 1 model");
  expect(effectOf(before, before)).toEqual({ lost: [], gained: [], limited: [] });
});
