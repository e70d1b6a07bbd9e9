/** Every page: where it is, what it is called, and which scope shows it. */

import {
  IconActivity, IconBell, IconChartBar, IconCoin, IconFileInvoice, IconGauge, IconHistory, IconKey, IconPlugConnected, IconRoute, IconShieldLock,
  IconPlayerPlay, IconSettings, IconTag, IconUser, IconUsers, type Icon,
} from "@tabler/icons-react";

export interface PageLink {
  to: string;
  label: string;
  icon: Icon;
  /** Any of these shows it. */
  scopes: readonly string[];
  group: "Spend" | "Traffic" | "Access" | "System" | "You" | "Foot";
  /** For finding it by other words. */
  words?: string;
}

export const PAGES: readonly PageLink[] = [
  { to: "/", label: "Overview", icon: IconGauge, scopes: ["budgets:read"], group: "Spend", words: "home today" },
  { to: "/spend", label: "Explorer", icon: IconChartBar, scopes: ["analytics:read"], group: "Spend", words: "spend explorer cost usage where" },
  { to: "/budgets", label: "Budgets", icon: IconCoin, scopes: ["budgets:read"], group: "Spend", words: "limits caps simulate" },
  { to: "/statements", label: "Statements", icon: IconFileInvoice, scopes: ["statements:read"], group: "Spend", words: "chargeback invoice cost centre month" },
  { to: "/requests", label: "Requests", icon: IconActivity, scopes: ["logs:read", "own:read"], group: "Traffic", words: "logs refusals" },
  { to: "/routes", label: "Routes", icon: IconRoute, scopes: ["routes:read"], group: "Traffic", words: "fallback deploy" },
  { to: "/playground", label: "Playground", icon: IconPlayerPlay, scopes: ["own:keys"], group: "Traffic", words: "try model prompt chat" },
  { to: "/people", label: "People", icon: IconUsers, scopes: ["analytics:read"], group: "Access", words: "users teams adoption sessions review" },
  { to: "/keys", label: "Keys", icon: IconKey, scopes: ["keys:read", "own:keys"], group: "Access", words: "secrets tokens credentials" },
  { to: "/policies", label: "Policies", icon: IconShieldLock, scopes: ["policies:read"], group: "Access", words: "cel rules models" },
  { to: "/prices", label: "Prices", icon: IconTag, scopes: ["prices:read"], group: "System", words: "providers models unpriced" },
  { to: "/alerts", label: "Alerts", icon: IconBell, scopes: ["alerts:read"], group: "System", words: "channels notify" },
  { to: "/audit", label: "Audit", icon: IconHistory, scopes: ["audit:read"], group: "System", words: "changes who log" },
  { to: "/settings", label: "Settings", icon: IconSettings, scopes: ["settings:read"], group: "System", words: "gateways yaml exports process retries cache logs" },
  { to: "/me", label: "My usage", icon: IconUser, scopes: ["own:read"], group: "You", words: "mine spend" },
  { to: "/setup", label: "Set up a client", icon: IconPlugConnected, scopes: [], group: "Foot", words: "sdk claude code codex cursor curl" },
];

export const GROUPS = ["You", "Spend", "Traffic", "Access", "System"] as const;
/** Below all groups. */
export const FOOT = "Foot";

/** Pages whose numbers are of a range; the others are about now. */
export const OF_A_RANGE = new Set(["/", "/spend", "/requests", "/routes", "/me", "/people"]);

export function pagesOf(may: (scope: string) => boolean): PageLink[] {
  return PAGES.filter((page) => page.scopes.length === 0 || page.scopes.some(may));
}
