import { describe, expect, it } from "vitest";
import { pairs, words } from "./words";

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
