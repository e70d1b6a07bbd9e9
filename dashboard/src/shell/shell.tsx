/** The frame: navigation at the left, what the page is about at the top, health at the foot. */

import { ActionIcon, Alert, AppShell, Burger, Group, Kbd, Menu, NavLink, ScrollArea, Select, Text, Tooltip, UnstyledButton, useMantineColorScheme } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconAlertTriangle, IconLogout, IconMoon, IconSearch, IconSun, IconUserCircle } from "@tabler/icons-react";
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { useEffect } from "react";
import { askAgain, useWho } from "../api/session";
import { useApi, useChange } from "../api/client";
import { Boundary } from "../pieces/states";
import { carried, useAddress } from "./address";
import { Finder } from "./finder";
import { Mark } from "./mark";
import { pagesOf, type PageLink } from "./pages";
import { RangePicker } from "./range_picker";

/** Pages whose numbers are of a range; the others are about now. */
const OF_A_RANGE = new Set(["/", "/spend", "/requests", "/me"]);

export function Shell() {
  const { may } = useWho();
  const [address, go] = useAddress();
  const [opened, { toggle, close }] = useDisclosure();
  const [finding, finder] = useDisclosure();
  const pathname = useLocation({ select: (location) => location.pathname });
  const status = useApi("/api/v1/status", {}, { enabled: may("status:read"), every: 30_000 });
  useEffect(close, [pathname, close]);
  const gateways = status.data?.gateways ?? [];
  const pages = pagesOf(may);
  const groups = [...new Set(pages.map((page) => page.group))];
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
              <Select
                aria-label="Gateway"
                size="xs"
                w={130}
                data={[{ value: "", label: "All gateways" }, ...gateways.map((gateway) => gateway.slug)]}
                value={address.gateway ?? ""}
                onChange={(gateway) => go({ gateway: gateway ?? undefined })}
                visibleFrom="xs"
              />
            )}
            {OF_A_RANGE.has(pathname) && <RangePicker />}
            <SchemeSwitch />
            <PersonMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar className="tw-navbar" aria-label="Pages">
        <AppShell.Section grow component={ScrollArea} px="xs" py="sm">
          {groups.map((group) => (
            <div key={group} className="tw-group">
              <Text className="tw-group-name">{group}</Text>
              {pages.filter((page) => page.group === group).map((page) => (
                <PageEntry key={page.to} page={page} active={page.to === "/" ? pathname === "/" : pathname.startsWith(page.to)} />
              ))}
            </div>
          ))}
        </AppShell.Section>
        {status.data && (
          <AppShell.Section px="md" py="xs" className="tw-foot">
            <Text size="xs" c="dimmed">
              <span className="tw-dot" data-good={status.data.store.ok} aria-hidden /> Store {status.data.store.ok ? "healthy" : "in trouble"} · v
              {status.data.version}
            </Text>
          </AppShell.Section>
        )}
      </AppShell.Navbar>
      <AppShell.Main>
        <main id="page" tabIndex={-1}>
          {status.data && !status.data.store.ok && (
            <Alert color="red" icon={<IconAlertTriangle size={18} />} title="The store is in trouble" m="md" mb={0}>
              {status.data.store.differences.join("; ") || "It cannot be written."} Budgets answer as their settings say for this: requests are
              blocked, or let through where a budget allows it.
            </Alert>
          )}
          <Boundary at={pathname}>
            <Outlet />
          </Boundary>
        </main>
      </AppShell.Main>
      <Finder opened={finding} setOpened={(now) => (now ? finder.open() : finder.close())} />
    </AppShell>
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
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" aria-label={label} onClick={() => setColorScheme(dark ? "light" : "dark")}>
        {dark ? <IconSun size={18} /> : <IconMoon size={18} />}
      </ActionIcon>
    </Tooltip>
  );
}

function PersonMenu() {
  const { name, roles } = useWho();
  const leave = useChange("delete", "/api/v1/session");
  return (
    <Menu position="bottom-end" transitionProps={{ duration: 0 }}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={`Signed in as ${name}`}>
          <IconUserCircle size={20} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {name}
          <br />
          {roles.join(", ") || "no role"}
        </Menu.Label>
        <Menu.Item leftSection={<IconLogout size={15} />} onClick={() => leave.mutate({}, { onSettled: () => void askAgain() })}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
