/** The address is the state: range, filters, order and what is open, so that reload, back and a shared link show the same. */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { iso, span, type Range, type Span } from "../time";

export interface Address {
  range?: string;
  since?: string;
  until?: string;
  gateway?: string;
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
      } as never),
    [navigate],
  );
  return [address, go];
}

export function clean(address: Address): Address {
  return Object.fromEntries(Object.entries(address).filter(([, value]) => value !== undefined && value !== ""));
}

/** The span of the address, held still for half a minute so that questions are not asked anew with each paint. */
export function useSpan(fallback: Range = "month"): Span & { range: Range; query: { since: string; until: string } } {
  const [address] = useAddress();
  const range = (address.range ?? fallback) as Range;
  const tick = Math.floor(Date.now() / 30_000);
  return useMemo(() => {
    const found = span(range, tick * 30_000 + 30_000, address.since, address.until);
    return { ...found, range, query: { since: iso(found.since), until: iso(found.until) } };
  }, [range, address.since, address.until, tick]);
}

/** What is carried from page to page: the range and the gateway. */
export function carried(address: Address): Address {
  return clean({ range: address.range, since: address.since, until: address.until, gateway: address.gateway });
}
