import { describe, expect, it } from "vitest";
import { fieldName, pairs, words } from "./words";

describe("words", () => {
  it("are what stands between commas", () => {
    expect(words(" a, b ,,c")).toEqual(["a", "b", "c"]);
    expect(words("")).toEqual([]);
  });
});

describe("pairs", () => {
  it("are names and values; a value may have an equals sign", () => {
    expect(pairs("team=ml, rule=a=b, nothing")).toEqual({ team: "ml", rule: "a=b" });
  });
});

describe("fieldName", () => {
  it("begins with a capital, but for keys of metadata, which are what somebody wrote", () => {
    expect(["model", "cost_center", "metadata.team", "metadata.costCentre", "metadata.app"].map(fieldName)).toEqual(["Model", "Cost center", "Team", "costCentre", "app"]);
  });
});
