/** The address is the state: range, filters, order and what is open, so that reload, back and a shared link show the same. */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { mayBeNone } from "../api/client";
import { iso, isZone, preceding, RANGES, span, tellTimesOf, ZONE, type Range, type Span } from "../time";

export interface Address {
  range?: string;
  since?: string;
  until?: string;
  gateway?: string;
  /** The zone of days, where it is not the reader's own. */
  zone?: string;
  /** "1": beside the period before. */
  compare?: string;
  sort?: string;
  /** What is open beside the list. */
  open?: string;
  [filter: string]: string | undefined;
}

export function useAddress(): [Address, (change: Address, replace?: boolean) => void] {
  const address = useSearch({ strict: false }) as Address;
  const navigate = useNavigate();
  const go = useCallback(
    (change: Address, replace = false) =>
      void navigate({
        to: ".",
        search: ((before: Address) => clean({ ...before, ...change })) as never,
        replace,
        // What is opened, filtered or sorted leaves the reader where they were; another page of a list begins at its top.
        resetScroll: "cursor" in change,
      } as never),
    [navigate],
  );
  return [address, go];
}

/** The zone by whose clocks times of day are told from here on down: whoever asks is drawn again when it is another one. */
export function useZone(): string {
  const zone = useSearch({ strict: false, select: (address: Address) => address.zone });
  return tellTimesOf(zone as string | undefined);
}

export function clean(address: Address): Address {
  return Object.fromEntries(Object.entries(address).filter(([name, value]) => value !== undefined && (value !== "" || mayBeNone(name))));
}

/** The span as `/api/v1/analytics` is asked for it. */
export interface Asked {
  [name: string]: string;
  from: string;
  to: string;
  timezone: string;
}

export interface Spanned extends Span {
  range: Range;
  zone: string;
  query: { since: string; until: string };
  asked: Asked;
  /** The period before, up to the same point. */
  past: Asked;
  /** The same, for answers that compare by themselves. */
  against: { before_from: string; before_to: string };
  /** Two days were asked for, the last before the first. */
  backwards: boolean;
}

/** The span of the address, held still for half a minute so that questions are not asked anew with each paint. */
export function useSpan(fallback: Range = "month"): Spanned {
  const [address] = useAddress();
  const named = address.range ?? fallback;
  const range = (named === "custom" || named in RANGES ? named : fallback) as Range;
  const zone = address.zone && isZone(address.zone) ? address.zone : ZONE;
  const tick = Math.floor(Date.now() / 30_000);
  return useMemo(() => {
    const found = span(range, tick * 30_000 + 30_000, address.since, address.until, zone);
    const [since, until] = [iso(found.since), iso(found.until)];
    const earlier = preceding(range, found, zone);
    const past = { from: iso(earlier.since), to: iso(earlier.until), timezone: zone };
    const day = (text = "") => text.slice(0, Math.min(address.since?.length ?? 0, address.until?.length ?? 0));
    return {
      ...found,
      range,
      zone,
      query: { since, until },
      asked: { from: since, to: until, timezone: zone },
      past,
      against: { before_from: past.from, before_to: past.to },
      backwards: range === "custom" && day(address.until) < day(address.since),
    };
  }, [range, zone, address.since, address.until, tick]);
}

/** What is carried from page to page: the range, its zone and the gateway. */
export function carried(address: Address): Address {
  const { range, since, until, gateway, zone, compare } = address;
  // That of none is of a listing alone: other pages are of one gateway, or of all.
  return clean({ range, since, until, gateway: gateway || undefined, zone, compare });
}
