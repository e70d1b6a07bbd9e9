/** What really occurs: values of a field in the range, the most costly first, and the keys of metadata. */

import { useMemo } from "react";
import { useApi } from "../api/client";
import { useWho } from "../api/session";
import { useSpan } from "../shell/address";

/** Fields that analytics groups by; of others nobody lists the values. */
const TOLD = new Set(["user", "model", "provider", "key", "service", "group", "gateway", "team", "kind", "status"]);
const MOST = 200;
const LOOKED_AT = 100;

export function useValues(field: string, enabled = true): string[] {
  const { asked } = useSpan("30d");
  const told = TOLD.has(field) || (field.startsWith("metadata.") && field.length > 9);
  const metrics = field === "status" ? "requests" : "cost";
  const found = useApi("/api/v1/analytics", { query: { ...asked, by: field, metrics, limit: MOST } }, { enabled: enabled && told });
  return useMemo(
    () => (enabled && told ? (found.data?.groups ?? []).flatMap(({ group }) => Object.values(group).filter((value): value is string => !!value)) : []),
    [found.data, enabled, told],
  );
}

/** Of the newest requests. */
export function useMetadataKeys(enabled = true): string[] {
  const { may } = useWho();
  const newest = useApi("/api/v1/logs", { query: { limit: LOOKED_AT } }, { enabled: enabled && (may("logs:read") || may("own:read")) });
  return useMemo(() => [...new Set((newest.data?.items ?? []).flatMap(({ metadata }) => Object.keys(metadata)))].sort(), [newest.data]);
}
