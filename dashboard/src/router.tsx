/** Every address below /dashboard. Each page is a chunk of its own, loaded when it is first opened. */

import { Button } from "@mantine/core";
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Link, Navigate, type RouteComponent } from "@tanstack/react-router";
import { useEffect } from "react";
import { ask, Problem, tryAgain, UNREACHABLE } from "./api/client";
import { useSilence } from "./api/reach";
import { useWho } from "./api/session";
import { Empty, Failed, Loading } from "./pieces/states";
import { clean, useZone, type Address } from "./shell/address";
import { pagesOf } from "./shell/pages";
import { Shell } from "./shell/shell";

const root = createRootRoute({
  component: Shell,
  validateSearch: (search: Record<string, unknown>): Address =>
    Object.fromEntries(Object.entries(clean(search as Address)).map(([name, value]) => [name, String(value)])),
  notFoundComponent: () => (
    <Empty title="There is no such page">
      <Button component={Link} to="/" variant="default" mt="sm">
        To the overview
      </Button>
    </Empty>
  ),
});

const page = <P extends string>(path: P, load: () => Promise<Record<string, unknown>>, name: string) =>
  createRoute({ getParentRoute: () => root, path, component: zoned(lazyRouteComponent((() => loaded(load)) as never, name as never)) });

/** When the whole was last loaded anew for a part that was not there. */
const ANEW = "tollway-loaded-anew";
const ANEW_MS = 10_000;

/** A page's part. Where it does not come, nobody answers, or a newer version has other parts and the whole is loaded anew. */
async function loaded<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    await ask("get", "/api/v1/session");
    if (Date.now() - Number(sessionStorage.getItem(ANEW) ?? 0) < ANEW_MS) throw error;
    sessionStorage.setItem(ANEW, String(Date.now()));
    window.location.reload();
    return new Promise<never>(() => undefined);
  }
}

/** A page that did not come: it does once the gateway answers again. */
function Unloaded({ error }: { error: unknown }) {
  const silent = useSilence();
  const unreachable = error instanceof Problem && error.code === UNREACHABLE;
  useEffect(() => {
    if (unreachable && silent === null) window.location.reload();
  }, [unreachable, silent]);
  return (
    <div className="tw-page">
      <Failed error={error} what="This page cannot be loaded" again={() => void tryAgain().then((answers) => answers && window.location.reload())} />
    </div>
  );
}

/** A page whose times are told by the clocks of the zone of the address. Another zone draws it again, and leaves what is open and
 * what was typed as they are. */
function zoned(Page: RouteComponent): RouteComponent {
  function Zoned() {
    useZone();
    return <Page />;
  }
  return Object.assign(Zoned, { preload: Page.preload });
}

const Overview = zoned(lazyRouteComponent(() => loaded(() => import("./pages/overview")), "Overview"));

/** The overview, which asks for what is everybody's; whoever may not see that begins with what is their own. */
function Home() {
  const { may, owns } = useWho();
  const pages = pagesOf(may);
  if (pages.some(({ to }) => to === "/")) return <Overview />;
  return <Navigate to={owns("own:read") ? "/me" : (pages[0]?.to ?? "/setup")} replace />;
}

const routes = [
  createRoute({ getParentRoute: () => root, path: "/", component: Object.assign(Home, { preload: Overview.preload }) }),
  page("/spend", () => import("./pages/spend"), "Spend"),
  page("/statements", () => import("./pages/statements"), "Statements"),
  page("/budgets", () => import("./pages/budgets"), "Budgets"),
  page("/requests", () => import("./pages/requests"), "Requests"),
  page("/people", () => import("./pages/people"), "People"),
  page("/people/$user", () => import("./pages/person"), "Person"),
  page("/playground", () => import("./pages/playground"), "Playground"),
  page("/settings", () => import("./pages/settings"), "Settings"),
  page("/keys", () => import("./pages/keys"), "Keys"),
  page("/setup", () => import("./pages/setup"), "Setup"),
  page("/me", () => import("./pages/me"), "Me"),
  page("/policies", () => import("./pages/policies"), "Policies"),
  page("/routes", () => import("./pages/routes"), "Routes"),
  page("/prices", () => import("./pages/prices"), "Prices"),
  page("/alerts", () => import("./pages/alerts"), "Alerts"),
  page("/audit", () => import("./pages/audit"), "Audit"),
];

export const router = createRouter({
  routeTree: root.addChildren(routes),
  basepath: "/dashboard",
  defaultPreload: "intent",
  scrollRestoration: true,
  // Plain words in the address: what looks like a number or JSON stays what somebody wrote.
  parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
  stringifySearch: (search) => {
    const text = new URLSearchParams(clean(search as Address) as Record<string, string>).toString();
    return text ? `?${text}` : "";
  },
  defaultPendingComponent: () => (
    <div className="tw-page">
      <Loading rows={8} />
    </div>
  ),
  defaultErrorComponent: ({ error }) => <Unloaded error={error} />,
});
