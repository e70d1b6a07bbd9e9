import { expect, test } from "vitest";
import { compare, withinTree } from "./table_order";

const ROWS = [
  { name: "company", depth: 0, spent: 9 },
  { name: "agents", depth: 1, spent: 1 },
  { name: "nightly", depth: 2, spent: 7 },
  { name: "research", depth: 1, spent: 5 },
  { name: "other", depth: 0, spent: 20 },
];
const sorted = (rows: typeof ROWS) => withinTree(rows, ({ depth }) => depth, (a, b) => compare(b.spent, a.spent)).map(({ name }) => name);

test("brothers are put in order, and what is below them goes along", () => {
  expect(sorted(ROWS)).toEqual(["other", "company", "research", "agents", "nightly"]);
});

test("what lost its parent to a filter is a branch of its own", () => {
  expect(sorted(ROWS.slice(2))).toEqual(["other", "nightly", "research"]);
});
