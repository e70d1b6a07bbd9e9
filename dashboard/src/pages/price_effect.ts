/** About what a price would have come to, from counts of tokens alone: for a look before the act, never for a bill. */

import { times, type Nanodollars } from "../money";

export interface Tokens {
  /** All of them, those of a cache included. */
  input: number | null;
  cache_read: number | null;
  cache_write: number | null;
  output: number | null;
}

/** Amounts for a million. What is left out is billed as what it is a part of. */
export interface Rates {
  input: Nanodollars;
  output: Nanodollars;
  cache_read?: Nanodollars;
  cache_write?: Nanodollars;
}

const MILLION = 1_000_000n;

/** Null where how much was used is not known. */
export function costOf(tokens: Tokens, rates: Rates): Nanodollars | null {
  if (tokens.input === null || tokens.output === null) return null;
  const [read, written] = [BigInt(tokens.cache_read ?? 0), BigInt(tokens.cache_write ?? 0)];
  const fresh = BigInt(tokens.input) - read - written;
  if (fresh < 0n) return null;
  return (
    times(rates.input, fresh, MILLION) +
    times(rates.cache_read ?? rates.input, read, MILLION) +
    times(rates.cache_write ?? rates.input, written, MILLION) +
    times(rates.output, BigInt(tokens.output), MILLION)
  );
}

/** "12.5" percent less, or more, of an amount; null for what is no percentage. */
export function changedBy(amount: Nanodollars, percent: string, more: boolean): Nanodollars | null {
  const found = /^(\d{1,4})(?:\.(\d{1,6}))?$/.exec(percent.trim());
  if (!found) return null;
  const millionths = BigInt(found[1] ?? "0") * 1_000_000n + BigInt((found[2] ?? "").padEnd(6, "0"));
  const part = times(amount, millionths, 100_000_000n);
  return more ? amount + part : amount - part;
}
