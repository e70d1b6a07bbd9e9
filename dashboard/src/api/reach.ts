/** Whether the gateway answers, as seen by whatever was last asked of it. */

import { useSyncExternalStore } from "react";

let since: number | null = null;
const watching = new Set<() => void>();

/** Notes that an answer came, or none; nothing is told where that was known. */
export function noteAnswer(came: boolean, now: number = Date.now()): void {
  const next = came ? null : (since ?? now);
  if (next === since) return;
  since = next;
  for (const each of watching) each();
}

/** Since when nothing answers, in Unix milliseconds; `null` while something does. */
export function silentSince(): number | null {
  return since;
}

export function useSilence(): number | null {
  return useSyncExternalStore((changed) => {
    watching.add(changed);
    return () => watching.delete(changed);
  }, silentSince);
}
