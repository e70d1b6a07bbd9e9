/** What has come in since: asked every few seconds, and not at all while nobody looks. */

import { useEffect, useRef, useState } from "react";
import { ask, type Asked, type Problem, type Schemas } from "../api/client";

type Log = Schemas["LogShown"];
type Query = NonNullable<Asked["query"]>;

export const EVERY_MS = 3_000;
/** Older ones are left to the pages: a list that grows for hours would be all memory. */
export const MOST = 500;

/** Newest first, each once, and no more than `MOST`. `come` is oldest first, as the API tells what is newer than something. */
export function joined(there: readonly Log[], come: readonly Log[]): Log[] {
  const known = new Set(there.map((log) => log.request_id));
  const fresh = come.filter((log) => !known.has(log.request_id)).reverse();
  return fresh.length === 0 ? (there as Log[]) : [...fresh, ...there].slice(0, MOST);
}

interface Tail {
  logs: readonly Log[];
  error: Problem | null;
}

/** The requests newer than `newest` that fit `query`, while `on`; begins anew with another question. */
export function useTail(on: boolean, query: Query, newest: string | undefined): Tail {
  const [logs, setLogs] = useState<Log[]>([]);
  const [error, setError] = useState<Problem | null>(null);
  const key = JSON.stringify(query);
  const after = useRef<string | undefined>(undefined);
  useEffect(() => {
    setLogs([]);
    setError(null);
    after.current = undefined;
  }, [key, on]);
  useEffect(() => {
    if (!on) return;
    let over = false;
    const look = async () => {
      if (document.visibilityState === "hidden") return;
      const from = after.current ?? newest;
      try {
        const page = await ask("get", "/api/v1/logs", { query: { ...(JSON.parse(key) as Query), after: from, limit: 200 } });
        if (over) return;
        // Without anything to begin behind, the answer is a page: newest first.
        const come = from === undefined ? [...page.items].reverse() : page.items;
        if (come.length > 0) {
          after.current = come.at(-1)?.request_id;
          setLogs((there) => joined(there, come));
        }
        setError(null);
      } catch (problem) {
        if (!over) setError(problem as Problem);
      }
    };
    const timer = setInterval(() => void look(), EVERY_MS);
    return () => {
      over = true;
      clearInterval(timer);
    };
  }, [on, key, newest]);
  return { logs, error };
}
