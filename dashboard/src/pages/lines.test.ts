import { describe, expect, it } from "vitest";
import { difference, linesOf } from "./lines";

const told = (before: string, after: string) =>
  difference([...before], [...after])
    .map(({ text, side }) => `${side === "gone" ? "-" : side === "come" ? "+" : ""}${text}`)
    .join(" ");

describe("difference", () => {
  it("tells what has gone before what has come in its place", () => {
    expect(told("abc", "axc")).toBe("a -b +x c");
  });
  it("keeps lines that are there twice apart", () => {
    expect(told("aba", "aa")).toBe("a -b a");
    expect(told("a", "aa")).toMatch(/^a \+a$|^\+a a$/);
  });
  it("of nothing is all new, and of the same is nothing", () => {
    expect(told("", "ab")).toBe("+a +b");
    expect(told("ab", "ab")).toBe("a b");
  });
});

describe("linesOf", () => {
  it("has none of nothing", () => {
    expect(linesOf(null)).toEqual([]);
    expect(linesOf({ limit: "5" })).toEqual(["{", '  "limit": "5"', "}"]);
    expect(linesOf("name: web\nactor: everyone")).toEqual(["name: web", "actor: everyone"]);
  });
});
