import { expect, it } from "vitest";
import { filtersOf } from "./budget_filters";

it("asks for the provider of a model apart, as analytics have it", () => {
  expect(filtersOf({ model: "anthropic/claude-opus-*", "metadata.team": "ml" })).toEqual({ provider: "anthropic", model: "claude-opus-*", "metadata.team": "ml" });
  expect(filtersOf({ model: "*/gpt-5" })).toEqual({ model: "gpt-5" });
  expect(filtersOf(undefined)).toEqual({});
});

it("does not ask for less or more than the budget counts", () => {
  for (const where of [{ model: "*opus*" }, { user: ["a", "b"] }, { service: "*" }, { custom: "x" }, { provider: "openai", model: "anthropic/claude" }])
    expect(filtersOf(where)).toBeNull();
});
