import { expect, it } from "vitest";
import { nameTaken, placed } from "./policy_wrong";

it("tells of a condition at which place what is wrong, without what stands above it", () => {
  expect(placed('policy "a, "b" c", condition, column 16: it ends too early; in: cf.user.groups[')).toEqual({ field: "condition", said: "Column 16: it ends too early." });
  expect(placed('policy "x", condition: 1+1 cannot be asked: it is a number, not true or false.')).toEqual({
    field: "condition",
    said: "1+1 cannot be asked: it is a number, not true or false.",
  });
  expect(placed('policy "x", condition, line 2, column 1: nothing is called "foo"; there are user. In: foo').said).toBe('Line 2, column 1: nothing is called "foo"; there are user.');
});

it("leaves what is about another field as it is", () => {
  expect(placed('policy "x", action: 0 is not above zero.')).toEqual({ field: "other", said: "Action: 0 is not above zero." });
});

it("says whose name a new policy has, unless that is a draft", () => {
  const there = [
    { id: "no-opus", name: "no opus", staging: false },
    { id: "draft", name: "draft", staging: true },
  ];
  expect(nameTaken("no opus", there)).toBe("There is a policy of that name already");
  expect(nameTaken("no-opus", there)).toBe("The policy “no opus” has nearly that name, and the same id: no-opus");
  expect([nameTaken("draft", there), nameTaken("", there), nameTaken("other", there)]).toEqual([null, null, null]);
});
