/** Months as statements name them, and where their files are. */

const NAME = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });

/** "October 2026" of "2026-10". */
export function monthName(month: string): string {
  const at = Date.parse(`${month}-01T00:00:00Z`);
  return Number.isNaN(at) ? month : NAME.format(at);
}

/** So many months back, the one that is running first; by UTC. */
export function months(now: number, back: number): string[] {
  const today = new Date(now);
  return Array.from({ length: back }, (_, each) => new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() - each, 1)).toISOString().slice(0, 7));
}

export function documentAddress(month: string, query: Record<string, string | undefined>): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return `/api/v1/statements/${encodeURIComponent(month)}/document?${new URLSearchParams(given).toString()}`;
}
