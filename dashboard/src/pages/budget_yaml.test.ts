import { expect, it } from "vitest";
import { yaml } from "./budget_yaml";

it("is what the settings file has, with amounts in quotes", () => {
  expect(yaml("budgets", { name: "ml team", limit: "500", window: { period: "month" }, where: { "metadata.team": "ml" }, alerts: [50, 80] })).toBe(
    'budgets:\n  - name: "ml team"\n    limit: "500"\n    window: {period: "month"}\n    where: {metadata.team: "ml"}\n    alerts: [50, 80]\n',
  );
});
