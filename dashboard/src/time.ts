/** Instants, spans and how people read them. A span is half open, in Unix milliseconds, and follows the reader's own zone. */

export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
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

export interface Span {
  since: number;
  until: number;
}

/** The span that a range means at `now`, by the calendar; weeks begin on Monday (ISO 8601). */
export function span(range: Range, now: number, since?: string, until?: string): Span {
  const today = new Date(now);
  today.setHours(0, 0, 0, 0);
  switch (range) {
    case "today":
      return { since: today.getTime(), until: now };
    case "week": {
      const monday = new Date(today);
      monday.setDate(monday.getDate() - ((monday.getDay() + 6) % 7));
      return { since: monday.getTime(), until: now };
    }
    case "month":
      return { since: new Date(today.getFullYear(), today.getMonth(), 1).getTime(), until: now };
    case "last-month":
      return {
        since: new Date(today.getFullYear(), today.getMonth() - 1, 1).getTime(),
        until: new Date(today.getFullYear(), today.getMonth(), 1).getTime(),
      };
    case "7d":
      return { since: now - 7 * DAY, until: now };
    case "30d":
      return { since: now - 30 * DAY, until: now };
    case "custom": {
      const from = since ? new Date(`${since}T00:00:00`) : today;
      const to = until ? new Date(`${until}T00:00:00`) : new Date(now);
      if (until) to.setDate(to.getDate() + 1);
      return { since: from.getTime(), until: Math.max(to.getTime(), from.getTime() + 1) };
    }
  }
}

/** The same stretch of the period before: up to this time yesterday, last week, last month. */
export function before(range: "today" | "week" | "month", now: number): Span {
  const { since } = span(range, now);
  const back = (at: number) => {
    const date = new Date(at);
    if (range === "month") {
      const day = date.getDate();
      date.setDate(1);
      date.setMonth(date.getMonth() - 1);
      // The 31st has no counterpart in a shorter month: then its last day.
      date.setDate(Math.min(day, new Date(date.getFullYear(), date.getMonth() + 1, 0).getDate()));
    } else date.setDate(date.getDate() - (range === "today" ? 1 : 7));
    return date.getTime();
  };
  return { since: back(since), until: back(now) };
}

export function iso(at: number): string {
  return new Date(at).toISOString();
}

const INSTANT = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const MINUTE = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short",
});

/** "22 Nov, 14:03:07" */
export function instant(text: string): string {
  return INSTANT.format(new Date(text));
}

/** "1 Dec, 00:00 CET" */
export function minute(text: string): string {
  return MINUTE.format(new Date(text));
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

/** Tokens and counts for reading: "1.24 M", "812". Null is unknown, and never zero. */
export function count(number: number | null | undefined): string {
  if (number === null || number === undefined) return "unknown";
  if (number < 10_000) return number.toLocaleString("en-US");
  const [size, unit] = number < 1_000_000 ? [number / 1000, "k"] : number < 1e9 ? [number / 1e6, "M"] : [number / 1e9, "G"];
  return `${size.toPrecision(3).replace(/\.0+$/, "")} ${unit}`;
}
