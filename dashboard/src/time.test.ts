import { describe, expect, it } from "vitest";
import { before, count, dayOf, endOf, instant, instantOf, iso, minute, preceding, span, tellTimesOf, ZONE, zoneInWords } from "./time";

const at = (text: string) => Date.parse(text);
const told = ({ since, until }: { since: number; until: number }) => [iso(since), iso(until)];

describe("times of day", () => {
  it("are those of the zone that was chosen, and else of the reader's own", () => {
    tellTimesOf("Pacific/Auckland");
    expect(instant("2026-11-22T12:03:07Z")).toBe("23 Nov, 01:03:07");
    tellTimesOf("UTC");
    expect(minute("2026-11-22T12:03:07Z")).toBe("22 Nov, 12:03 UTC");
    expect(tellTimesOf("Nowhere/Atall")).toBe(ZONE);
    expect(tellTimesOf(undefined)).toBe(ZONE);
  });
});

describe("spans by the calendar of a zone", () => {
  it("begin at midnight of the zone, on Monday, on the first", () => {
    const now = at("2026-11-22T23:30:00Z");
    expect(told(span("today", now, undefined, undefined, "Europe/Berlin"))).toEqual(["2026-11-22T23:00:00.000Z", "2026-11-22T23:30:00.000Z"]);
    expect(told(span("today", now, undefined, undefined, "UTC"))[0]).toBe("2026-11-22T00:00:00.000Z");
    expect(told(span("week", now, undefined, undefined, "UTC"))[0]).toBe("2026-11-16T00:00:00.000Z");
    expect(told(span("month", now, undefined, undefined, "Asia/Kolkata"))[0]).toBe("2026-10-31T18:30:00.000Z");
    expect(told(span("last-month", at("2026-01-05T00:00:00Z"), undefined, undefined, "UTC"))).toEqual(["2025-12-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"]);
  });

  it("are whole days where so many of them are asked for, and only today's is not over", () => {
    const now = at("2026-11-22T10:20:30Z");
    expect(told(span("7d", now, undefined, undefined, "UTC"))).toEqual(["2026-11-16T00:00:00.000Z", "2026-11-22T10:20:30.000Z"]);
    expect(told(span("30d", now, undefined, undefined, "Asia/Kolkata"))[0]).toBe("2026-10-23T18:30:00.000Z");
    // Clocks went back on 25 October, and forward on 29 March: it is midnight all the same.
    expect(told(span("7d", at("2026-10-28T11:00:00Z"), undefined, undefined, "Europe/Berlin"))[0]).toBe("2026-10-21T22:00:00.000Z");
    expect(told(span("30d", at("2026-04-02T11:00:00Z"), undefined, undefined, "Europe/Berlin"))[0]).toBe("2026-03-03T23:00:00.000Z");
  });

  it("take dates as whole days, and instants as they are", () => {
    const now = at("2026-11-22T12:00:00Z");
    expect(told(span("custom", now, "2026-03-28", "2026-03-29", "Europe/Berlin"))).toEqual(["2026-03-27T23:00:00.000Z", "2026-03-29T22:00:00.000Z"]);
    expect(told(span("custom", now, "2026-11-20T10:00:00.000Z", "2026-11-20T14:00:00.000Z", "Europe/Berlin"))).toEqual([
      "2026-11-20T10:00:00.000Z",
      "2026-11-20T14:00:00.000Z",
    ]);
    expect(told(span("custom", now, "nonsense", undefined, "UTC"))).toEqual(["2026-11-22T00:00:00.000Z", "2026-11-22T12:00:00.000Z"]);
  });
});

describe("the period before", () => {
  it("ends at the same point, and on the last day of a shorter month", () => {
    expect(told(before("month", at("2026-03-31T10:00:00Z"), "UTC"))).toEqual(["2026-02-01T00:00:00.000Z", "2026-02-28T10:00:00.000Z"]);
    expect(told(before("week", at("2026-11-18T10:00:00Z"), "UTC"))).toEqual(["2026-11-09T00:00:00.000Z", "2026-11-11T10:00:00.000Z"]);
    // Clocks went back on 25 October: the day before had the same ten o'clock an hour earlier.
    expect(told(before("today", at("2026-10-25T09:00:00Z"), "Europe/Berlin"))).toEqual(["2026-10-23T22:00:00.000Z", "2026-10-24T08:00:00.000Z"]);
  });

  it("is as many days of days, and as long a time otherwise", () => {
    const days = { since: at("2026-11-10T00:00:00Z"), until: at("2026-11-13T00:00:00Z") };
    expect(told(preceding("custom", days, "UTC"))).toEqual(["2026-11-07T00:00:00.000Z", "2026-11-10T00:00:00.000Z"]);
    const hours = { since: at("2026-11-10T10:00:00Z"), until: at("2026-11-10T14:00:00Z") };
    expect(told(preceding("custom", hours, "UTC"))).toEqual(["2026-11-10T06:00:00.000Z", "2026-11-10T10:00:00.000Z"]);
  });

  it("is the same days before for so many days up to now, up to the same time of the day", () => {
    const week = span("7d", at("2026-11-22T10:20:00Z"), undefined, undefined, "UTC");
    expect(told(preceding("7d", week, "UTC"))).toEqual(["2026-11-09T00:00:00.000Z", "2026-11-15T10:20:00.000Z"]);
    // Clocks went back on 25 October: noon of the week before is an hour earlier by the sun.
    const over = span("7d", at("2026-10-28T11:00:00Z"), undefined, undefined, "Europe/Berlin");
    expect(told(preceding("7d", over, "Europe/Berlin"))).toEqual(["2026-10-14T22:00:00.000Z", "2026-10-21T10:00:00.000Z"]);
  });
});

describe("clocks of a zone", () => {
  it("are found for any date, also one that clocks skip", () => {
    expect(iso(instantOf("Europe/Berlin", 2026, 7, 1))).toBe("2026-06-30T22:00:00.000Z");
    expect(iso(instantOf("UTC", 2026, 13, 1))).toBe("2027-01-01T00:00:00.000Z");
    // Havana has no midnight on 8 March 2026.
    expect(dayOf(instantOf("America/Havana", 2026, 3, 8), "America/Havana")).toBe("2026-03-08");
    expect(endOf("month", at("2026-10-31T23:00:00Z"), "Europe/Berlin")).toBe(at("2026-11-30T23:00:00Z"));
  });

  it("have a name in words", () => {
    expect(["UTC", "Europe/Berlin", "America/New_York"].map(zoneInWords)).toEqual(["UTC", "Berlin time", "New York time"]);
  });
});

describe("counts", () => {
  it.each([
    [812, "812"],
    [1_800, "1,800"],
    [10_000, "10,000"],
    [94_000, "94,000"],
    [94_700, "94,700"],
    [1_000_000, "1.00 M"],
    [1_240_000, "1.24 M"],
    [999_700_000, "1.00 G"],
    [2_345_000_000_000, "2,345 G"],
    [null, "unknown"],
  ])("%s is %s", (number, wanted) => {
    expect(count(number)).toBe(wanted);
  });
});
