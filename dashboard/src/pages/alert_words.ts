/** What rules of alerts mean, in words, and whom a budget tells. */

import type { Schemas } from "../api/client";

export interface Rule {
  name: string;
  when: Kind;
  budgets?: string[];
  at?: (number | string)[];
  split_by?: string[];
  per_s?: number;
  fast_s?: number;
  slow_s?: number;
  min_elapsed?: number;
  once_per_s?: number;
  channels?: string[];
}

export type Kind = "spent" | "forecast" | "burn_rate" | "velocity" | "unpriced" | "store" | "hold_exceeded" | "unused" | "export";

interface Meaning {
  says: string;
  /** What `at` is of; none where it takes none. */
  at?: string;
  first?: readonly string[];
  ofBudgets: boolean;
}

export const MEANINGS: Record<Kind, Meaning> = {
  spent: { says: "so much of the limit is spent", at: "percent of the limit", first: ["80", "100"], ofBudgets: true },
  forecast: { says: "the pace leads past the limit", at: "percent of the limit", first: ["100"], ofBudgets: true },
  burn_rate: { says: "it is spent much faster than the limit allows", at: "times the pace", first: ["10"], ofBudgets: true },
  velocity: { says: "somebody spends a lot in a short time", at: "US dollars", first: ["20"], ofBudgets: false },
  unpriced: { says: "a model without a price is used", ofBudgets: false },
  store: { says: "the store is in trouble, or holds were presumed", ofBudgets: false },
  hold_exceeded: { says: "a charge comes out above what was held", ofBudgets: false },
  export: { says: "a scheduled export fails again and again", ofBudgets: false },
  unused: { says: "a window is nearly over and little is spent", at: "percent of the limit", first: ["20"], ofBudgets: true },
};

export function saidOf(rule: Rule): string {
  const { says, at } = MEANINGS[rule.when];
  const amounts = rule.at?.length && at ? ` (${rule.at.map((value) => (at === "US dollars" ? `$${value}` : value)).join(", ")}${at === "US dollars" ? "" : ` ${at}`})` : "";
  return `when ${says}${amounts}${rule.budgets ? `, of ${rule.budgets.join(", ")}` : ""}`;
}

/** A rule that watches a budget, and where its events go. */
export interface Watch {
  name: string;
  says: string;
  channels: readonly string[];
}

/** The rules that watch a budget: those of its own, and those of all. A budget that is not there yet has only the latter. */
export function watching(rules: readonly Schemas["RuleWritten"][], budget: { id: string; name: string } | null): Watch[] {
  return rules.flatMap(({ rule, channels }) => {
    const written = rule as unknown as Rule;
    const of = written.budgets;
    if (!MEANINGS[written.when].ofBudgets || (of && !(budget && (of.includes(budget.id) || of.includes(budget.name))))) return [];
    const { budgets: _, ...rest } = written;
    return [{ name: written.name, says: saidOf(rest), channels }];
  });
}

/** "ops and slack" */
export function listed(names: readonly string[]): string {
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : (names[0] ?? "nobody");
}
