/** The frame: navigation at the left, what the page is about at the top, health at the foot. */

import { ActionIcon, Alert, AppShell, Burger, Group, Kbd, NativeSelect, NavLink, Text, UnstyledButton, useMantineColorScheme } from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { IconAlertTriangle, IconBook2, IconMoon, IconSearch, IconSun } from "@tabler/icons-react";
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";
import { useWho } from "../api/session";
import { tryAgain, useApi, type Schemas } from "../api/client";
import { useSilence } from "../api/reach";
import { Boundary } from "../pieces/states";
import { instant, iso } from "../time";
import { carried, useAddress, useZone } from "./address";
import { Mark } from "./mark";
import { FOOT, GROUPS, OF_A_RANGE, pagesOf, type PageLink } from "./pages";

// What nobody sees at first, or what is heavy and may come a moment later.
const Finder = lazy(() => import("./finder").then(({ Finder }) => ({ default: Finder })));
const RangePicker = lazy(() => import("./range_picker").then(({ RangePicker }) => ({ default: RangePicker })));
const PersonMenu = lazy(() => import("./person_menu").then(({ PersonMenu }) => ({ default: PersonMenu })));

/** What no slug is: an option of the switcher while a listing asks for what is of no gateway. */
const NO_GATEWAY = " ";

export function Shell() {
  const { may } = useWho();
  const [address, go] = useAddress();
  const [opened, { toggle, close }] = useDisclosure();
  const [finding, finder] = useDisclosure();
  useHotkeys([["mod+K", finder.toggle]]);
  const pathname = useLocation({ select: (location) => location.pathname });
  const status = useApi("/api/v1/status", {}, { enabled: may("status:read"), every: 30_000 });
  const silent = useSilence();
  useEffect(close, [pathname, close]);
  const gateways = status.data?.gateways ?? [];
  const pages = pagesOf(may);
  // Before what is below tells a time.
  useZone();
  const shown = (page: PageLink) => (
    <PageEntry key={page.to} page={page} active={page.to === "/" ? pathname === "/" : pathname === page.to || pathname.startsWith(`${page.to}/`)} />
  );
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 232, breakpoint: "sm", collapsed: { mobile: !opened } }}
      padding={0}
      transitionDuration={0}
    >
      <a href="#page" className="tw-skip">
        Skip to the page
      </a>
      <AppShell.Header className="tw-header">
        <Group h="100%" px="sm" gap="xs" wrap="nowrap" justify="space-between">
          <Group gap="xs" wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={opened ? "Close navigation" : "Open navigation"} />
            <Mark folds />
          </Group>
          <Group gap={6} wrap="nowrap">
            <UnstyledButton className="tw-find" onClick={finder.open} visibleFrom="md">
              <IconSearch size={15} /> Find <Kbd size="xs">Ctrl K</Kbd>
            </UnstyledButton>
            <ActionIcon variant="subtle" color="gray" hiddenFrom="md" onClick={finder.open} aria-label="Find">
              <IconSearch size={18} />
            </ActionIcon>
            {gateways.length > 1 && (
              <NativeSelect
                aria-label="Gateway"
                size="xs"
                w={132}
                data={[
                  { value: "", label: "All gateways" },
                  ...(address.gateway === "" ? [{ value: NO_GATEWAY, label: "No gateway" }] : []),
                  ...gateways.map(({ slug }) => ({ value: slug, label: slug })),
                ]}
                value={address.gateway === "" ? NO_GATEWAY : (address.gateway ?? "")}
                onChange={(event) => go({ gateway: event.currentTarget.value || undefined })}
                visibleFrom="xs"
              />
            )}
            <Suspense fallback={<span className="tw-tools" aria-hidden />}>
              {(OF_A_RANGE.has(pathname) || pathname.startsWith("/people/")) && <RangePicker />}
              <SchemeSwitch />
              <PersonMenu />
            </Suspense>
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar className="tw-navbar" aria-label="Pages">
        <AppShell.Section grow px="xs" py="sm" className="tw-pages">
          {GROUPS.map((group) => {
            const inside = pages.filter((page) => page.group === group);
            return inside.length === 0 ? null : (
              <div key={group} className="tw-group">
                <Text className="tw-group-name">{group}</Text>
                {inside.map(shown)}
              </div>
            );
          })}
        </AppShell.Section>
        <AppShell.Section px="xs" py="xs" className="tw-foot">
          {pages.filter((page) => page.group === FOOT).map(shown)}
          <NavLink component="a" href="/api/openapi.json" target="_blank" label="API description" leftSection={<IconBook2 size={17} stroke={1.7} />} className="tw-entry" />
          {status.data && (
            <Text size="xs" c="dimmed" px={10} pt={6}>
              <span className="tw-dot" data-good={silent === null && status.data.store.ok} aria-hidden />{" "}
              {silent !== null ? "No answer" : status.data.store.ok ? "Store healthy" : "Store in trouble"} · v{status.data.version}
            </Text>
          )}
        </AppShell.Section>
      </AppShell.Navbar>
      <AppShell.Main>
        <div id="page" tabIndex={-1}>
          {silent !== null && <Silent since={silent} />}
          {status.data && !status.data.store.ok && <Trouble store={status.data.store} />}
          <Boundary at={pathname}>
            <Outlet />
          </Boundary>
        </div>
      </AppShell.Main>
      <Suspense>{finding && <Finder close={finder.close} />}</Suspense>
    </AppShell>
  );
}

const TRIED_EVERY_MS = 3_000;

/** Nothing answers: what is shown is old, and is asked again until something does. */
function Silent({ since }: { since: number }) {
  useEffect(() => {
    const timer = window.setInterval(() => void tryAgain(), TRIED_EVERY_MS);
    return () => window.clearInterval(timer);
  }, []);
  return (
    <Alert
      color="red"
      icon={<IconAlertTriangle size={18} />}
      title={`${navigator.onLine ? "The gateway does not answer" : "This browser is offline"}, since ${instant(iso(since))}`}
      role="alert"
      m="md"
      mb={0}
    >
      What is shown is from before, and nothing can be changed. It is asked every few seconds, and this page goes on by itself once it answers.
    </Alert>
  );
}

/** What is wrong with the store, since when it was seen here, and what that means for requests. */
function Trouble({ store }: { store: Schemas["StoreShown"] }) {
  const [since] = useState(() => iso(Date.now()));
  return (
    <Alert color="red" icon={<IconAlertTriangle size={18} />} title={`The store is in trouble, seen here since ${instant(since)}`} m="md" mb={0}>
      {store.differences.join("; ") || "It cannot be written."} Requests that a budget counts are refused until it is written again (closed); where a
      budget says `on_store_failure: allow`, they are let through and booked later (open). What pages show is what was written before.
    </Alert>
  );
}

function PageEntry({ page, active }: { page: PageLink; active: boolean }) {
  const [address] = useAddress();
  return (
    <NavLink
      renderRoot={(props) => <Link {...props} to={page.to} search={carried(address) as never} />}
      label={page.label}
      leftSection={<page.icon size={17} stroke={1.7} />}
      active={active}
      aria-current={active ? "page" : undefined}
      className="tw-entry"
    />
  );
}

function SchemeSwitch() {
  const { setColorScheme } = useMantineColorScheme();
  const dark = document.documentElement.getAttribute("data-mantine-color-scheme") === "dark";
  const label = dark ? "Light mode" : "Dark mode";
  return (
    <ActionIcon variant="subtle" color="gray" aria-label={label} title={label} onClick={() => setColorScheme(dark ? "light" : "dark")}>
      {dark ? <IconSun size={18} /> : <IconMoon size={18} />}
    </ActionIcon>
  );
}
