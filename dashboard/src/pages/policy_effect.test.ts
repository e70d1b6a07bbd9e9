import { expect, test } from "vitest";
import { effectOf, refusedOf, sumOf, together, told } from "./policy_effect";

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

test("of what went through, what would have been refused is counted by person", () => {
  const before = matrix({ dan: { a: true, b: false }, ivy: { a: true } });
  const after = matrix({ dan: { a: false, b: false }, ivy: { a: false } });
  const sent = [
    { user: "dan", model: "a", requests: 3 },
    { user: "dan", model: "b", requests: 4 },
    { user: "ivy", model: "a", requests: 5 },
    { user: "ivy", model: "nobody asked about this", requests: 9 },
  ];
  expect(refusedOf(before, after, sent)).toEqual({ of: 12, requests: 8, who: [["ivy", 5], ["dan", 3]] });
  expect(refusedOf(before, before, sent)).toEqual({ of: 12, requests: 0, who: [] });
});

test("several gateways are told as one", () => {
  const [one, other] = [
    { lost: [["web", ["a"]]] as [string, string[]][], gained: [], limited: [] },
    { lost: [["web", ["a", "b"]], ["ops", ["c"]]] as [string, string[]][], gained: [], limited: [] },
  ];
  expect(together([one, other]).lost).toEqual([["web", ["a", "b"]], ["ops", ["c"]]]);
  expect(sumOf([{ of: 3, requests: 1, who: [["dan", 1]] }, { of: 4, requests: 3, who: [["ivy", 1], ["dan", 2]] }])).toEqual({ of: 7, requests: 4, who: [["dan", 3], ["ivy", 1]] });
});
