/** Saved views: this page with its range, filters and grouping, under a name, for oneself or for everybody. */

import { ActionIcon, Anchor, Button, Divider, Group, Popover, Stack, Switch, Text, TextInput } from "@mantine/core";
import { IconBookmark, IconChevronDown, IconPencil, IconTrash, IconUsers } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState, type FormEvent } from "react";
import { Problem, useApi, useChange, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { useAddress } from "../shell/address";
import { Failed } from "./states";

type View = Schemas["ViewShown"];

/** Of an address, what no view keeps: what is open beside the list, how far it was read. */
const OF_THE_MOMENT = new Set(["open", "cursor", "live"]);

/** `page`: the path below /dashboard whose views are listed and saved. */
export function SavedViews({ page }: { page: string }) {
  const [opened, setOpened] = useState(false);
  const views = useApi("/api/v1/views");
  const here = (views.data?.items ?? []).filter((view) => view.page === page);
  // A gateway that keeps no views offers none.
  if (views.error instanceof Problem && [403, 404].includes(views.error.status)) return null;
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" trapFocus transitionProps={{ duration: 0 }} shadow="md">
      <Popover.Target>
        <Button variant="default" leftSection={<IconBookmark size={14} />} rightSection={<IconChevronDown size={14} />} onClick={() => setOpened(!opened)}>
          Views
        </Button>
      </Popover.Target>
      <Popover.Dropdown p="sm" aria-label="Saved views">
        {opened && (
          <Stack gap={4} w={300}>
            {views.error && <Failed error={views.error} what="Views cannot be shown" again={() => void views.refetch()} />}
            {here.length === 0 && (
              <Text size="sm" c="dimmed">
                No view of this page is saved yet. A view keeps range, filters and grouping.
              </Text>
            )}
            {here.map((view) => (
              <Line key={view.id} view={view} close={() => setOpened(false)} />
            ))}
            <Divider my={6} />
            <Saving page={page} done={() => setOpened(false)} />
          </Stack>
        )}
      </Popover.Dropdown>
    </Popover>
  );
}

function Line({ view, close }: { view: View; close: () => void }) {
  const { may } = useWho();
  const [renaming, setRenaming] = useState(false);
  const [name, setName] = useState(view.name);
  const change = useChange("put", "/api/v1/views/{view_id}");
  const remove = useChange("delete", "/api/v1/views/{view_id}");
  const path = { view_id: view.id };
  const given = { name: view.name, page: view.page, address: view.address, shared: view.shared };
  const rename = (event: FormEvent) => {
    event.preventDefault();
    change.mutate({ path, body: { ...given, name } }, { onSuccess: () => setRenaming(false) });
  };
  if (renaming)
    return (
      <form onSubmit={rename}>
        <Group gap={6} wrap="nowrap" align="start">
          <TextInput size="xs" aria-label={`New name of ${view.name}`} value={name} maxLength={80} onChange={(event) => setName(event.currentTarget.value)} error={change.error?.message} flex={1} data-autofocus />
          <Button type="submit" loading={change.isPending} disabled={!name.trim()}>
            Rename
          </Button>
        </Group>
      </form>
    );
  return (
    <Group gap={4} wrap="nowrap" justify="space-between" className="tw-view">
      <Anchor
        component={Link}
        to={view.page}
        search={Object.fromEntries(new URLSearchParams(view.address)) as never}
        onClick={close}
        size="sm"
        truncate
        title={view.name}
      >
        {view.name}
      </Anchor>
      <Group gap={2} wrap="nowrap">
        {!view.mine && (
          <Text size="xs" c="dimmed" truncate maw={110}>
            {view.by}
          </Text>
        )}
        {view.mine && (
          <>
            <ActionIcon
              size="sm"
              variant={view.shared ? "light" : "subtle"}
              color={view.shared ? "accent" : "gray"}
              aria-pressed={view.shared}
              aria-label={`Share ${view.name} with everybody`}
              title={view.shared ? "Shared with everybody" : "Share with everybody"}
              onClick={() => change.mutate({ path, body: { ...given, shared: !view.shared } })}
            >
              <IconUsers size={14} />
            </ActionIcon>
            <ActionIcon size="sm" variant="subtle" color="gray" aria-label={`Rename ${view.name}`} title="Rename" onClick={() => setRenaming(true)}>
              <IconPencil size={14} />
            </ActionIcon>
          </>
        )}
        {(view.mine || may("settings:write")) && (
          <ActionIcon size="sm" variant="subtle" color="gray" aria-label={`Delete ${view.name}`} title="Delete" loading={remove.isPending} onClick={() => remove.mutate({ path })}>
            <IconTrash size={14} />
          </ActionIcon>
        )}
      </Group>
    </Group>
  );
}

function Saving({ page, done }: { page: string; done: () => void }) {
  const [address] = useAddress();
  const [name, setName] = useState("");
  const [shared, setShared] = useState(false);
  const save = useChange("post", "/api/v1/views");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const kept = Object.entries(address).filter(([field, value]) => !OF_THE_MOMENT.has(field) && value) as [string, string][];
    save.mutate({ body: { name, page, shared, address: new URLSearchParams(kept).toString() } }, { onSuccess: done });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap={8}>
        <TextInput size="xs" label="Save this view as" placeholder="Models by team" value={name} maxLength={80} onChange={(event) => setName(event.currentTarget.value)} error={save.error?.message} />
        <Group justify="space-between">
          <Switch size="xs" label="Share with everybody" checked={shared} onChange={(event) => setShared(event.currentTarget.checked)} />
          <Button type="submit" disabled={!name.trim()} loading={save.isPending}>
            Save view
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
