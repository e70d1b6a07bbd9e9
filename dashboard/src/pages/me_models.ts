/** Which models answer somebody now, and when the others will, by the clocks of the page. */

import { minute } from "../time";

const WORKING = new Set(["works", "clamped", "downgraded"]);
const INSTANT = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z/g;

/** Those that answer, if less or by another model, and those that are refused. */
export function byStanding<T extends { status: string }>(models: readonly T[]): [T[], T[]] {
  return [models.filter(({ status }) => WORKING.has(status)), models.filter(({ status }) => !WORKING.has(status))];
}

/** A sentence of the gateway with its instants as people read them: "until 1 Dec, 01:00 CET". */
export function timesTold(said: string): string {
  return said.replace(INSTANT, (at) => minute(at));
}
