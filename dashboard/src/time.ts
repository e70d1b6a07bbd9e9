/** Instants, spans and how people read them. A span is half open, in Unix milliseconds, and follows the reader's own zone. */

import { named } from "./zones";

export const ZONE = named(Intl.DateTimeFormat().resolvedOptions().timeZone);
const DAY = 86_400_000;

export type Range = "today" | "week" | "month" | "last-month" | "7d" | "30d" | "custom";
export const RANGES: Record<Exclude<Range, "custom">, string> = {
  today: "Today",
  week: "This week",
  month: "Month to date",
  "last-month": "Last month",
  "7d": "Last 7 days",
  "30d": "Last 30 days",
};

/** Whole days of the calendar, of which today's is the last and not over. */
const DAYS = { "7d": 7, "30d": 30 } as const;

export interface Span {
  since: number;
  until: number;
}

/** The span that a range means at `now`, by the calendar of a zone; weeks begin on Monday (ISO 8601). */
export function span(range: Range, now: number, since?: string, until?: string, zone: string = ZONE): Span {
  const { year, month, day } = local(now, zone);
  const today = instantOf(zone, year, month, day);
  switch (range) {
    case "today":
      return { since: today, until: now };
    case "week": {
      const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay();
      return { since: instantOf(zone, year, month, day - ((weekday + 6) % 7)), until: now };
    }
    case "month":
      return { since: instantOf(zone, year, month, 1), until: now };
    case "last-month":
      return { since: instantOf(zone, year, month - 1, 1), until: instantOf(zone, year, month, 1) };
    case "7d":
    case "30d":
      return { since: instantOf(zone, year, month, day - (DAYS[range] - 1)), until: now };
    case "custom": {
      const from = date(since);
      const to = date(until);
      const start = from ? instantOf(zone, from.year, from.month, from.day) : (moment(since) ?? today);
      const end = to ? instantOf(zone, to.year, to.month, to.day + 1) : (moment(until) ?? now);
      return { since: start, until: Math.max(end, start + 1) };
    }
  }
}

/** The same stretch of the period before: up to this time yesterday, last week, last month. */
export function before(range: "today" | "week" | "month", now: number, zone: string = ZONE): Span {
  return preceding(range, span(range, now, undefined, undefined, zone), zone);
}

/** What a span is compared with: the same point of the day, week or month before, else as many days or as long a time. */
export function preceding(range: Range, { since, until }: Span, zone: string = ZONE): Span {
  switch (range) {
    case "today":
      return { since: shifted(since, zone, 0, -1), until: shifted(until, zone, 0, -1) };
    case "week":
      return { since: shifted(since, zone, 0, -7), until: shifted(until, zone, 0, -7) };
    case "7d":
    case "30d":
      return { since: shifted(since, zone, 0, -DAYS[range]), until: shifted(until, zone, 0, -DAYS[range]) };
    case "month":
      return { since: shifted(since, zone, -1, 0), until: shifted(until, zone, -1, 0) };
    case "last-month":
      return { since: shifted(since, zone, -1, 0), until: since };
    case "custom":
      if (local(since, zone).time === 0 && local(until, zone).time === 0)
        return { since: shifted(since, zone, 0, -Math.max(1, Math.round((until - since) / DAY))), until: since };
      return { since: since - (until - since), until: since };
  }
}

/** When the day, week or month that began at `since` ends. */
export function endOf(range: "today" | "week" | "month", since: number, zone: string = ZONE): number {
  return shifted(since, zone, range === "month" ? 1 : 0, range === "today" ? 1 : range === "week" ? 7 : 0);
}

interface Local {
  year: number;
  month: number;
  day: number;
  /** Milliseconds since midnight as clocks show it. */
  time: number;
}

const CLOCKS = new Map<string, Intl.DateTimeFormat>();

function local(at: number, zone: string): Local {
  let clock = CLOCKS.get(zone);
  if (!clock) {
    clock = new Intl.DateTimeFormat("en-US", {
      timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
    });
    CLOCKS.set(zone, clock);
  }
  const told = Object.fromEntries(clock.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute: min = 0, second = 0 } = told;
  return { year, month, day, time: ((hour * 60 + min) * 60 + second) * 1000 + (((at % 1000) + 1000) % 1000) };
}

/** The instant at which clocks of a zone show this; days and months may be beyond their calendar, as Date takes them. */
export function instantOf(zone: string, year: number, month: number, day: number, time = 0): number {
  const wanted = Date.UTC(year, month - 1, day) + time;
  let found = wanted;
  for (let step = 0; step < 3; step += 1) {
    const shown = local(found, zone);
    const off = wanted - (Date.UTC(shown.year, shown.month - 1, shown.day) + shown.time);
    if (off === 0) break;
    found += off;
  }
  return found;
}

/** The same time of the clock, so many months or days away; the 31st of a shorter month is its last day. */
function shifted(at: number, zone: string, months: number, days: number): number {
  const { year, month, day, time } = local(at, zone);
  const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return instantOf(zone, year, month + months, (months ? Math.min(day, last) : day) + days, time);
}

function date(text: string | undefined): { year: number; month: number; day: number } | null {
  const found = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text ?? "");
  return found ? { year: Number(found[1]), month: Number(found[2]), day: Number(found[3]) } : null;
}

/** An instant of the address; the end of a range by it is not of the range. */
function moment(text: string | undefined): number | null {
  const at = text && text.length > 10 ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}

/** The day of an instant as an input takes it: "2026-11-22". */
export function dayOf(at: number, zone: string = ZONE): string {
  const { year, month, day } = local(at, zone);
  return `${year}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
}

/** "22 Nov, 14:00" by the clocks of a zone. */
export function hourOf(at: number, zone: string = ZONE): string {
  return new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone }).format(at);
}

/** A zone in words: "Berlin time". */
export function zoneInWords(zone: string): string {
  return zone === "UTC" || zone === "Etc/UTC" ? "UTC" : `${(zone.split("/").at(-1) ?? zone).replaceAll("_", " ")} time`;
}

/** Whether browsers know a zone of that name. */
export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

export function iso(at: number): string {
  return new Date(at).toISOString();
}

interface Formats {
  instant: Intl.DateTimeFormat;
  minute: Intl.DateTimeFormat;
}

const FORMATS = new Map<string, Formats>();

function formats(zone: string): Formats {
  let found = FORMATS.get(zone);
  if (!found) {
    const to = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone } as const;
    found = {
      instant: new Intl.DateTimeFormat("en-GB", { ...to, second: "2-digit" }),
      minute: new Intl.DateTimeFormat("en-GB", { ...to, timeZoneName: "short" }),
    };
    FORMATS.set(zone, found);
  }
  return found;
}

let told = ZONE;

/** By whose clocks times of day are told from now on: the zone of the address where that names one, else the reader's own. */
export function tellTimesOf(zone: string | undefined): string {
  told = zone && isZone(zone) ? zone : ZONE;
  return told;
}

/** "22 Nov, 14:03:07" */
export function instant(text: string): string {
  return formats(told).instant.format(new Date(text));
}

/** "1 Dec, 00:00 CET" */
export function minute(text: string): string {
  return formats(told).minute.format(new Date(text));
}

/** "in 9 d 3 h", "4 min ago". */
export function relative(text: string, now: number): string {
  const away = new Date(text).getTime() - now;
  const size = length(Math.abs(away));
  return away >= 0 ? `in ${size}` : `${size} ago`;
}

/** "9 d 3 h", "4 min", "12 s". */
export function length(ms: number): string {
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 60) return `${min} min`;
  const h = Math.floor(min / 60);
  if (h < 24) return min % 60 ? `${h} h ${min % 60} min` : `${h} h`;
  return h % 24 ? `${Math.floor(h / 24)} d ${h % 24} h` : `${Math.floor(h / 24)} d`;
}

/** Microseconds for reading: "812 µs", "40 ms", "1.24 s". */
export function duration(us: number | null): string {
  if (us === null) return "unknown";
  if (us < 1000) return `${us} µs`;
  if (us < 1_000_000) return `${(us / 1000).toFixed(us < 10_000 ? 1 : 0)} ms`;
  return `${(us / 1_000_000).toFixed(2)} s`;
}

/** Tokens and counts for reading: "812", "94,000", and from a million on "1.24 M", so that a column is rounded alike. Null is unknown, and never zero. */
export function count(number: number | null | undefined): string {
  if (number === null || number === undefined) return "unknown";
  if (number < 1_000_000) return number.toLocaleString("en-US");
  // 999.5 million would round to a thousand, which is one of the next unit.
  const [size, unit] = number < 999_500_000 ? [number / 1e6, "M"] : [number / 1e9, "G"];
  return `${size < 999.5 ? size.toPrecision(3) : Math.round(size).toLocaleString("en-US")} ${unit}`;
}
