import { expect, test } from "vitest";
import { colours, SERIES } from "./theme";

test("a class of statuses has the colour that says how it went, wherever it stands", () => {
  const found = colours(["2xx", "5xx", "4xx"]);
  expect([found.get("2xx"), found.get("4xx"), found.get("5xx")]).toEqual([SERIES[3], SERIES[1], SERIES[6]]);
  expect(colours(["4xx"]).get("4xx")).toBe(found.get("4xx"));
});

test("a name that every object has something by has a colour like any other", () => {
  expect(colours(["constructor"]).get("constructor")).toMatch(/^#/);
});

test("a name keeps its colour in every chart, and two of one chart never share one", () => {
  const names = ["gpt-5", "claude-opus-4-5", "gpt-4o", "gemini-2.5-flash", "a", "b", "c", "d"];
  expect(new Set(colours(names).values()).size).toBe(8);
  expect(colours(["gpt-5"]).get("gpt-5")).toBe(colours(names).get("gpt-5"));
});
