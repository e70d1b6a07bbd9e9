/** Every page: where it is, what it is called, and which scope shows it. */

import {
  IconActivity, IconBell, IconChartBar, IconCoin, IconGauge, IconHistory, IconKey, IconPlugConnected, IconRoute, IconShieldLock,
  IconTag, IconUser, type Icon,
} from "@tabler/icons-react";

export interface PageLink {
  to: string;
  label: string;
  icon: Icon;
  /** Any of these shows it. */
  scopes: readonly string[];
  group: "Spend" | "Traffic" | "Access" | "System" | "You";
  /** For finding it by other words. */
  words?: string;
}

export const PAGES: readonly PageLink[] = [
  { to: "/", label: "Overview", icon: IconGauge, scopes: ["budgets:read"], group: "Spend", words: "home today" },
  { to: "/spend", label: "Spend explorer", icon: IconChartBar, scopes: ["spend:read"], group: "Spend", words: "cost usage where" },
  { to: "/budgets", label: "Budgets", icon: IconCoin, scopes: ["budgets:read"], group: "Spend", words: "limits caps simulate" },
  { to: "/requests", label: "Requests", icon: IconActivity, scopes: ["logs:read", "own:read"], group: "Traffic", words: "logs refusals" },
  { to: "/routes", label: "Routes", icon: IconRoute, scopes: ["routes:read"], group: "Traffic", words: "fallback deploy" },
  { to: "/keys", label: "Keys", icon: IconKey, scopes: ["keys:read", "own:keys"], group: "Access", words: "secrets tokens credentials" },
  { to: "/policies", label: "Policies", icon: IconShieldLock, scopes: ["policies:read"], group: "Access", words: "cel rules models" },
  { to: "/prices", label: "Providers and prices", icon: IconTag, scopes: ["prices:read"], group: "System", words: "models unpriced" },
  { to: "/alerts", label: "Alerts", icon: IconBell, scopes: ["alerts:read"], group: "System", words: "channels notify" },
  { to: "/audit", label: "Audit", icon: IconHistory, scopes: ["audit:read"], group: "System", words: "changes who log" },
  { to: "/me", label: "My usage", icon: IconUser, scopes: ["own:read"], group: "You", words: "mine spend" },
  { to: "/setup", label: "Set up a client", icon: IconPlugConnected, scopes: [], group: "You", words: "sdk claude code codex cursor curl" },
];

export function pagesOf(may: (scope: string) => boolean): PageLink[] {
  return PAGES.filter((page) => page.scopes.length === 0 || page.scopes.some(may));
}
