import { expect, it } from "vitest";
import { nameWrong } from "./route_name";

const THERE = [
  { name: "chat", gateway_id: null },
  { name: "own", gateway_id: "g" },
];

it("says what no caller could send, and what there is already", () => {
  expect(nameWrong('a b/"c" 🎉', THERE)).toContain("Write letters, digits");
  expect(nameWrong("-a", THERE)).toContain("begin with a letter or a digit");
  expect(nameWrong("a".repeat(65), THERE)).toBe("It has 65 characters, and may have 64");
  expect(nameWrong("dynamic/new", THERE)).toContain("Leave “dynamic/” out");
  expect(nameWrong(" chat ", THERE)).toBe("There is a route of that name already");
});

it("has nothing against others, nor against none", () => {
  expect(["", "Chat", "own", "gpt-5.mini_2"].map((name) => nameWrong(name, THERE))).toEqual([null, null, null, null]);
});
