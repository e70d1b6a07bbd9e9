/** What a chart is drawn from: exact amounts by bucket and by whom they belong to. */

import type { Schemas } from "../api/client";
import { nanodollars } from "../money";
import { colours, OTHER } from "../theme";

/** All that have no row of their own. No name is a symbol, so nobody who is called so is taken for them. */
export const REST: unique symbol = Symbol("all others");
/** A name; null is what has none. */
export type Of = string | null | typeof REST;

export interface Piece {
  /** The bucket of time, as the API names it: "2026-11-22", "2026-11-22T14:00Z" or the instant at which it begins. */
  at: string;
  of: Of;
  /** Nanodollars, or whatever the chart's unit says. */
  amount: bigint;
}

export interface Arranged {
  /** In the order in which they are drawn. */
  series: readonly Of[];
  /** By `place`. */
  exact: ReadonlyMap<string, bigint>;
  totals: ReadonlyMap<string, bigint>;
}

export interface Series {
  key: string;
  of: Of;
  label: string;
  colour: string;
}

const MOST = 8;

/** The key of one amount. */
export function place(at: string, of: Of): string {
  return `${at}\0${keyOf(of)}`;
}

function keyOf(of: Of): string {
  return of === REST ? "rest" : of === null ? "none" : `=${of}`;
}

/** An answer of analytics by its first field, with the rest; `amountOf` is null for what is not known. */
export function piecesOf(answer: Schemas["AnalyticsAnswer"], amountOf: (figures: Schemas["Figures"]) => bigint | null): Piece[] {
  const cut = (of: Of, buckets: readonly Schemas["Figures"][]) =>
    buckets.flatMap((figures, number): Piece[] => {
      const amount = amountOf(figures);
      return amount === null ? [] : [{ at: answer.starts[number] ?? "", of, amount }];
    });
  const named = answer.groups.flatMap(({ group, buckets }) => cut(Object.values(group)[0] ?? null, buckets));
  return answer.other ? [...named, ...cut(REST, answer.other.buckets)] : named;
}

export function spentOf({ cost }: Schemas["Figures"]): bigint {
  return nanodollars(cost?.spent_usd ?? "0");
}

/** What is beyond as many as can be told apart is put into the rest. */
export function arranged(pieces: readonly Piece[], lines: boolean): Arranged {
  // By size, so that a large credit has a place of its own and is not taken off what others spent.
  const sizes = new Map<Of, bigint>();
  for (const { of, amount } of pieces) if (amount !== 0n) sizes.set(of, (sizes.get(of) ?? 0n) + (amount < 0n ? -amount : amount));
  const rest = sizes.delete(REST);
  const ordered = [...sizes].sort((a, b) => (a[1] < b[1] ? 1 : a[1] > b[1] ? -1 : 0)).map(([of]) => of);
  const kept = new Set(ordered.slice(0, ordered.length + Number(rest) > MOST ? MOST - 1 : MOST));
  // Lines cannot be added up: those beyond are left out, and the table below has them.
  const series: Of[] = !lines && (rest || ordered.length > kept.size) ? [...kept, REST] : [...kept];
  const exact = new Map<string, bigint>();
  const totals = new Map<string, bigint>();
  for (const { at, of, amount } of pieces) {
    // What has no price has no height either; it is counted beside the chart.
    if (amount === 0n || (lines && !kept.has(of))) continue;
    const key = place(at, kept.has(of) ? of : REST);
    exact.set(key, (exact.get(key) ?? 0n) + amount);
    totals.set(at, (totals.get(at) ?? 0n) + amount);
  }
  return { series, exact, totals };
}

/** How each is called and coloured. `nobody`: what has no name. */
export function shownAs(series: readonly Of[], nobody: string): Series[] {
  const hue = (of: string | null) => of ?? "\0";
  const found = colours(series.filter((of) => of !== REST).map(hue));
  return series.map((of) =>
    of === REST ? { key: keyOf(of), of, label: "all others", colour: OTHER } : { key: keyOf(of), of, label: of ?? nobody, colour: found.get(hue(of)) ?? OTHER },
  );
}
