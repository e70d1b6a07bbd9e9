import { expect, test } from "vitest";
import { listed, watching } from "./alert_words";

const rule = (fields: Record<string, unknown>, ...channels: string[]) => ({ rule: fields as never, channels });

test("a budget is watched by the rules of its own and by those of all, and by none that is of no budget", () => {
  const rules = [
    rule({ name: "pace", when: "forecast", at: [100] }, "ops"),
    rule({ name: "burn", when: "burn_rate", at: [10], budgets: ["company"] }, "slack", "ops"),
    rule({ name: "new-models", when: "unpriced" }, "ops"),
  ];
  expect(watching(rules, null)).toEqual([{ name: "pace", says: "when the pace leads past the limit (100 percent of the limit)", channels: ["ops"] }]);
  expect(watching(rules, { id: "company", name: "The company" }).map(({ name, channels }) => [name, channels])).toEqual([["pace", ["ops"]], ["burn", ["slack", "ops"]]]);
  expect(watching(rules, { id: "web", name: "web" }).map(({ name }) => name)).toEqual(["pace"]);
});

test("several channels are told as a sentence has them", () => {
  expect([listed([]), listed(["ops"]), listed(["ops", "mail", "slack"])]).toEqual(["nobody", "ops", "ops, mail and slack"]);
});
