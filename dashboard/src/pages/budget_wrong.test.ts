import { describe, expect, it } from "vitest";
import { amountWrong, idOf, nameTaken } from "./budget_wrong";

describe("amountWrong", () => {
  it("says what is the most, and that nothing is below zero", () => {
    expect(amountWrong("99999999999")).toBe("That is too large: $9,223,372,036.85 is the most");
    expect(amountWrong("-1")).toBe("A limit is not below zero");
    expect(amountWrong("abc")).toBe("Write an amount such as 250 or 0.50");
    expect([amountWrong(""), amountWrong("0"), amountWrong("$1,000.50"), amountWrong("9223372036.854775807")]).toEqual([null, null, null, null]);
  });
});

describe("nameTaken", () => {
  const there = [{ id: "each-person", name: "each person" }];
  it("says so of a name and of one that makes the same id", () => {
    expect(nameTaken(" each person ", there)).toBe("There is a budget of that name already");
    expect(nameTaken("each-person", there)).toBe("The budget “each person” has nearly that name, and the same id: each-person");
    expect([nameTaken("", there), nameTaken("each", there)]).toEqual([null, null]);
  });
  it("makes ids as the gateway does", () => {
    expect(["engineering, each", "--a.", "🎉", "x".repeat(70)].map(idOf)).toEqual(["engineering-each", "a", "budget", "x".repeat(64)]);
  });
});
