/** What the explorer can show of a group: each measure with its unit and where it stands in an answer of analytics. */

import type { Schemas } from "../api/client";
import { nanodollars } from "../money";
import type { Unit } from "../pieces/spend_chart";

type Figures = Schemas["Figures"];

export interface Measure {
  id: string;
  label: string;
  /** As `/api/v1/analytics` names it. */
  metric: "cost" | "tokens" | "requests" | "errors" | "cache" | "latency";
  /** Ledger entries and requests are counted apart: a kind is of the one, a status of the other. */
  table: "spending" | "traffic";
  unit: Unit;
  /** Null is unknown. */
  of: (figures: Figures) => bigint | null;
  /** It cannot be added up. */
  rank?: boolean;
  /** What is to be known of how it is found. */
  hint?: string;
}

const whole = (value: number | null | undefined) => (value === null || value === undefined ? null : BigInt(value));
const tokens = (pick: (told: Schemas["TokensShown"]) => number | null) => (figures: Figures) => (figures.tokens ? whole(pick(figures.tokens)) : null);
const millis = (us: number | null | undefined) => (us === null || us === undefined ? null : BigInt(Math.round(us / 1000)));

const ESTIMATE = "an estimate within classes of 50 ms, 100, 200 and so on doubled";

export const MEASURES: readonly Measure[] = [
  { id: "cost", label: "Cost", metric: "cost", table: "spending", unit: "usd", of: ({ cost }) => (cost ? nanodollars(cost.spent_usd) : null) },
  {
    id: "tokens",
    label: "Tokens, in and out",
    metric: "tokens",
    table: "spending",
    unit: "tokens",
    of: tokens(({ input, output }) => (input === null && output === null ? null : (input ?? 0) + (output ?? 0))),
  },
  { id: "input", label: "Tokens in", metric: "tokens", table: "spending", unit: "tokens", of: tokens(({ input }) => input) },
  { id: "cache_read", label: "Tokens read from a cache", metric: "tokens", table: "spending", unit: "tokens", of: tokens((told) => told.cache_read) },
  { id: "cache_write", label: "Tokens written to a cache", metric: "tokens", table: "spending", unit: "tokens", of: tokens((told) => told.cache_write) },
  { id: "output", label: "Tokens out", metric: "tokens", table: "spending", unit: "tokens", of: tokens(({ output }) => output) },
  { id: "reasoning", label: "Tokens of reasoning", metric: "tokens", table: "spending", unit: "tokens", of: tokens(({ reasoning }) => reasoning) },
  { id: "requests", label: "Requests", metric: "requests", table: "traffic", unit: "requests", of: ({ requests }) => whole(requests?.requests) },
  { id: "refused", label: "Refused requests", metric: "requests", table: "traffic", unit: "requests", of: ({ requests }) => whole(requests?.refused) },
  { id: "errors", label: "Errors", metric: "errors", table: "traffic", unit: "requests", of: ({ errors }) => whole(errors?.errors) },
  { id: "saved", label: "Saved by the cache", metric: "cache", table: "traffic", unit: "usd", of: ({ cache }) => (cache ? nanodollars(cache.saved_usd) : null) },
  { id: "cached", label: "Answers from the cache", metric: "cache", table: "traffic", unit: "requests", of: ({ cache }) => whole(cache?.cached) },
  { id: "p50", label: "Latency, median", metric: "latency", table: "traffic", unit: "ms", rank: true, of: ({ latency }) => whole(latency?.p50_ms), hint: ESTIMATE },
  { id: "p95", label: "Latency, 95th percentile", metric: "latency", table: "traffic", unit: "ms", rank: true, of: ({ latency }) => whole(latency?.p95_ms), hint: ESTIMATE },
  { id: "p99", label: "Latency, 99th percentile", metric: "latency", table: "traffic", unit: "ms", rank: true, of: ({ latency }) => whole(latency?.p99_ms), hint: ESTIMATE },
  { id: "first", label: "Time to the first chunk, mean", metric: "latency", table: "traffic", unit: "ms", rank: true, of: ({ latency }) => millis(latency?.first_chunk_mean_us) },
  { id: "overhead", label: "Tollway's own part, mean", metric: "latency", table: "traffic", unit: "ms", rank: true, of: ({ latency }) => millis(latency?.overhead_mean_us) },
];

const COST = MEASURES[0] as Measure;

export function measureOf(id: string | undefined): Measure {
  return MEASURES.find((measure) => measure.id === id) ?? COST;
}

/** The table that alone has a dimension. */
export function tableOf(fields: readonly (string | undefined)[]): Measure["table"] | null {
  if (fields.includes("kind")) return "spending";
  return fields.includes("status") ? "traffic" : null;
}
