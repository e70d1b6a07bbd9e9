import { describe, expect, it } from "vitest";
import { ALWAYS, cel, choices, type Condition } from "./policy_cel";

const SAID: readonly (readonly [string, Condition])[] = [
  ["true", ALWAYS],
  ['"eng" in cf.user.groups', { all: true, clauses: [{ field: "cf.user.groups", operator: "is", values: ["eng"] }] }],
  ['"a" in cf.user.groups || "b" in cf.user.groups', { all: true, clauses: [{ field: "cf.user.groups", operator: "is", values: ["a", "b"] }] }],
  ['!("interns" in cf.user.groups)', { all: true, clauses: [{ field: "cf.user.groups", operator: "is not", values: ["interns"] }] }],
  ['cf.user.email.endsWith("@example.com")', { all: true, clauses: [{ field: "cf.user.email", operator: "ends with", values: ["@example.com"] }] }],
  ['service in ["ci", "nightly"]', { all: true, clauses: [{ field: "service", operator: "is", values: ["ci", "nightly"] }] }],
  ['!(service in ["ci", "nightly"])', { all: true, clauses: [{ field: "service", operator: "is not", values: ["ci", "nightly"] }] }],
  ["has(metadata.team)", { all: true, clauses: [{ field: "metadata.team", operator: "is set", values: [] }] }],
  ['metadata["cost-center"] != "7"', { all: true, clauses: [{ field: "metadata.cost-center", operator: "is not", values: ["7"] }] }],
  [
    '("a" in cf.user.groups || "b" in cf.user.groups) && metadata.env == "prod && more"',
    {
      all: true,
      clauses: [
        { field: "cf.user.groups", operator: "is", values: ["a", "b"] },
        { field: "metadata.env", operator: "is", values: ["prod && more"] },
      ],
    },
  ],
  [
    'service == "ci" || cf.country == "DE"',
    {
      all: false,
      clauses: [
        { field: "service", operator: "is", values: ["ci"] },
        { field: "cf.country", operator: "is", values: ["DE"] },
      ],
    },
  ],
];

describe("choices and CEL", () => {
  for (const [text, condition] of SAID)
    it(`say the same both ways: ${text}`, () => {
      expect(choices(text)).toEqual(condition);
      expect(cel(condition)).toBe(text);
    });
  it("read what is written with other spaces and brackets", () => {
    expect(choices(' ( service=="ci" )&&has( metadata.team) '.replace("has( ", "has("))).toEqual({
      all: true,
      clauses: [
        { field: "service", operator: "is", values: ["ci"] },
        { field: "metadata.team", operator: "is set", values: [] },
      ],
    });
  });
  it("leave alone what choices cannot say", () => {
    for (const text of [
      "size(cf.user.groups) > 2",
      'a == "1" && (b == "2" || c == "3")',
      'a == "1" && b == "2" || c == "3"',
      'cf.user.email.matches("x")',
      '!(service == "ci")',
      'metadata.a == "1" || metadata.a == "2" && c == "3"',
      "int(metadata.level) > 3",
      'service == "ci" && "a" in cf.user.groups || "b" in cf.user.groups',
      '"eng" in cf.user.group',
    ])
      expect(choices(text), text).toBeNull();
  });
  it("quote what would break out of a text", () => {
    const condition: Condition = { all: true, clauses: [{ field: "service", operator: "is", values: ['a" || true || "'] }] };
    expect(cel(condition)).toBe('service == "a\\" || true || \\""');
    expect(choices(cel(condition))).toEqual(condition);
  });
});
