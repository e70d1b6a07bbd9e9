/** What follows from a budget's numbers: its place in the tree, its pace, its state. */

import type { Schemas } from "../api/client";
import type { Standing } from "../pieces/budget_bar";
import { nanodollars, share, sum, times, type Nanodollars } from "../money";
import { iso, minute } from "../time";
import { idOf } from "./budget_wrong";

export type Budget = Schemas["BudgetShown"];
export type Account = Schemas["AccountShown"];

export function standing(account: Account, budget: Budget, now: number): Standing {
  const spent = nanodollars(account.spent_usd);
  return {
    // Which of several accounts refused is not told.
    refused: budget.split_by.length === 0 && hasRefused(account, budget, now),
    limit: account.limit_usd === null ? null : nanodollars(account.limit_usd),
    spent,
    held: nanodollars(account.held_usd),
    forecast: forecast(spent, budget, account.resets_at, now),
    alerts: budget.alerts,
  };
}

/** Whether the budget has refused something in the window of now, and still would: not one that was frozen then, or that only
 * watches since. */
export function hasRefused(account: Account, budget: Budget, now: number): boolean {
  const hit = budget.last_hit;
  if (!hit || hit.code !== "budget_exceeded" || budget.mode === "monitor") return false;
  const length = windowMs(budget, account.resets_at) ?? rollingMs(budget);
  const began = length === null ? 0 : (account.resets_at === null ? now : new Date(account.resets_at).getTime()) - length;
  return new Date(hit.at).getTime() >= began;
}

/** The account that is nearest its limit: what a budget of many accounts is listed by. */
export function tightest(budget: Budget): Account | undefined {
  return [...budget.accounts].sort((a, b) => used(b) - used(a))[0];
}

export function used(account: Account): number {
  if (account.limit_usd === null) return 0;
  return share(nanodollars(account.spent_usd) + nanodollars(account.held_usd), nanodollars(account.limit_usd));
}

export function spentOf(budget: Budget): Nanodollars {
  return sum(budget.accounts.map((account) => nanodollars(account.spent_usd)));
}

/** What will be spent when the window ends, if it goes on as it did since the window began; null for windows that do not reset
 * at one instant, and in their first twentieth, of which nothing follows. */
export function forecast(spent: Nanodollars, budget: Budget, resetsAt: string | null, now: number): Nanodollars | null {
  const length = windowMs(budget, resetsAt);
  if (length === null || resetsAt === null) return null;
  const left = new Date(resetsAt).getTime() - now;
  const gone = length - left;
  if (gone < length / 20 || gone > length) return null;
  return times(spent, BigInt(length), BigInt(gone));
}

/** When the limit is reached, if it goes on as it did since the window began; null where it is not before the window ends, or
 * nobody can say. Unix milliseconds. */
export function reachedAt(stands: Standing, budget: Budget, resetsAt: string | null, now: number): number | null {
  const length = windowMs(budget, resetsAt);
  if (!stands.forecast || stands.limit === null || length === null || resetsAt === null) return null;
  if (stands.spent >= stands.limit || stands.forecast < stands.limit || stands.spent === 0n) return null;
  const gone = length - (new Date(resetsAt).getTime() - now);
  return now + Number(((stands.limit - stands.spent) * BigInt(gone)) / stands.spent);
}

/** " · reaches the limit 26 Nov, 10:00", or nothing. */
export function reached(stands: Standing, budget: Budget, account: Account, now: number): string {
  const at = reachedAt(stands, budget, account.resets_at, now);
  return at === null ? "" : ` · reaches the limit ${minute(iso(at))}`;
}

/** What raises the limit of every account for now, and until when all of it does; null where nothing does. */
export function raised(budget: Budget): { more: Nanodollars; until: string | null } | null {
  const raises = budget.controls.filter((each) => each.kind === "increase" && (each.account === null || budget.split_by.length === 0));
  if (raises.length === 0) return null;
  const ends = raises.flatMap(({ until }) => until ?? []).sort();
  return { more: sum(raises.flatMap((each) => (each.amount_usd === null ? [] : nanodollars(each.amount_usd)))), until: ends[0] ?? null };
}

/** How far the pace of the fastest account leads, in parts of its limit: what "by pace" sorts by. */
export function pace(budget: Budget, now: number): number {
  return Math.max(
    0,
    ...budget.accounts.map((account) => {
      const { forecast, limit } = standing(account, budget, now);
      return forecast && limit ? Number((forecast * 10_000n) / limit) / 10_000 : 0;
    }),
  );
}

/** A child's limits beside its parent's, where their windows are the same; null where they cannot be compared. */
export function againstParent(limit: Nanodollars, parent: Budget, all: readonly Budget[], but?: string): { children: Nanodollars; parent: Nanodollars } {
  const siblings = all.filter((each) => (each.parent === parent.id || each.parent === parent.name) && each.id !== but && each.enabled && each.split_by.length === 0);
  return { children: sum([limit, ...siblings.map((each) => nanodollars(each.limit_usd))]), parent: nanodollars(parent.limit_usd) };
}

function windowMs(budget: Budget, resetsAt: string | null): number | null {
  const period = budget.window.period;
  const lengths: Record<string, number> = { hour: 3_600_000, day: 86_400_000, week: 604_800_000 };
  if (typeof period !== "string" || resetsAt === null) return null;
  const months = { month: 1, quarter: 3, year: 12 }[period];
  if (months === undefined) return lengths[period] ?? null;
  const ends = new Date(resetsAt);
  const began = new Date(ends);
  began.setUTCMonth(began.getUTCMonth() - months);
  return ends.getTime() - began.getTime();
}

/** Of a window that goes with the time; null for one that never ends. */
function rollingMs({ window }: Budget): number | null {
  if (typeof window.every === "number") return window.every * 1_000;
  const days: Record<string, number> = { hour: 1 / 24, day: 1, week: 7, month: 30, quarter: 90, year: 365 };
  const found = typeof window.rolling === "string" ? days[window.rolling] : undefined;
  return found === undefined ? null : found * 86_400_000;
}

/** Whether it is no entry of `budgets:`: what policies count on, and the spend limits of a gateway. */
export function isWrittenElsewhere({ id, name, gateway }: Budget): boolean {
  return id.startsWith("policies:") || (gateway !== null && id === `${gateway}.${idOf(name)}`);
}

/** "23 Nov", by the clocks that the page tells times by. */
export function dayInWords(at: string): string {
  return minute(at).split(",", 1)[0] ?? at;
}

export interface Placed {
  budget: Budget;
  depth: number;
}

/** Parents before children, each level by name. A parent that is not there is no parent. */
export function tree(budgets: readonly Budget[]): Placed[] {
  const ids = new Set(budgets.map((budget) => budget.id));
  const names = new Map(budgets.map((budget) => [budget.name, budget.id]));
  const parentOf = (budget: Budget) => {
    const parent = budget.parent === null ? null : ids.has(budget.parent) ? budget.parent : (names.get(budget.parent) ?? null);
    return parent === budget.id ? null : parent;
  };
  const found: Placed[] = [];
  const below = (parent: string | null, depth: number) => {
    for (const budget of budgets.filter((each) => parentOf(each) === parent).sort((a, b) => a.name.localeCompare(b.name))) {
      if (found.some((each) => each.budget.id === budget.id)) continue;
      found.push({ budget, depth });
      below(budget.id, depth + 1);
    }
  };
  below(null, 0);
  return found;
}

/** What a budget counts, in words. */
export function selects(budget: Budget): string {
  const where = budget.where.map((match) => `${match.attribute} ${match.negated ? "is not" : "is"} ${match.patterns.join(" or ")}`);
  const each = budget.split_by.length > 0 ? `each ${budget.split_by.join(" and ")} apart` : "";
  return [where.join(", ") || "everything", budget.gateway ? `on ${budget.gateway}` : "", each].filter(Boolean).join(", ");
}

export function accountName(account: Account): string {
  const values = Object.values(account.values);
  return values.length > 0 ? values.join(" · ") : "all together";
}
