import { expect, test } from "vitest";
import { noteAnswer, silentSince } from "./reach";

test("silence begins with the first question that is not answered, and ends with the first that is", () => {
  expect(silentSince()).toBeNull();
  noteAnswer(false, 5);
  noteAnswer(false, 9);
  expect(silentSince()).toBe(5);
  noteAnswer(true, 12);
  expect(silentSince()).toBeNull();
});
