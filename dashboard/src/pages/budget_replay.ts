/** A replay in numbers that add up: what is a part of what. */

import { nanodollars, type Nanodollars } from "../money";

export interface Replayed {
  mode: "enforce" | "monitor";
  requests: number;
  spent_usd: string;
  unpriced: number;
  blocked: number;
  blocked_usd: string;
  blocked_unpriced: number;
}

export interface Whole {
  requests: number;
  amount: Nanodollars;
  unpriced: number;
}

/** Everything that came to the budget. One that refuses counts what passes alone, so what it refused comes on top; one that only
 * watches has counted that already. */
export function whole({ mode, requests, spent_usd, unpriced, blocked, blocked_usd, blocked_unpriced }: Replayed): Whole {
  const spent = nanodollars(spent_usd);
  if (mode === "monitor") return { requests, amount: spent, unpriced };
  return { requests: requests + blocked, amount: spent + nanodollars(blocked_usd), unpriced: unpriced + blocked_unpriced };
}

/** From here on a percentage is read as how many times over. */
const TIMES_FROM = 1_000;

/** "85 %", "1,000 %", "228×": nobody reads how many times over from percents. */
export function partOfLimit(percent: number): string {
  if (percent <= TIMES_FROM) return `${percent.toLocaleString("en-US")} %`;
  return `${Math.floor(percent / 100).toLocaleString("en-US")}×`;
}
