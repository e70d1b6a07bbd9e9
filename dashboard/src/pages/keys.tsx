/** What credentials exist? */

import { Alert, Button, Group, Modal, NumberInput, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconKey, IconPlus, IconX } from "@tabler/icons-react";
import { useState, type FormEvent } from "react";
import { useApi, useChange, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { nanodollars } from "../money";
import { Copyable } from "../pieces/copyable";
import { Dim } from "../pieces/dim";
import { Page, Panel } from "../pieces/page";
import { Empty, Failed, Loading } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { useAddress } from "../shell/address";
import { relative } from "../time";
import { Acts, Age, DAYS, Scope, Spent, State, useSpentBy } from "./keys_shown";
import { ServiceTokens } from "./tokens";

type Key = Schemas["IssuedKeyShown"];
type Asked = { act: "rotate" | "revoke"; key: Key };

/** Keys for people, and service tokens for agents and jobs. */
export function Keys() {
  const [address, go] = useAddress();
  const { may, owns } = useWho();
  const tokens = address.kind === "tokens" && may("keys:read");
  const writes = tokens ? may("keys:write") : may("keys:write") || owns("own:keys");
  return (
    <Page
      title={may("keys:read") ? "Keys and service tokens" : "Keys"}
      question={may("keys:read") ? "What credentials exist, whose are they, and when were they last used?" : "Your keys: for programs that spend as you."}
      actions={
        writes && (
          <Button leftSection={<IconPlus size={14} />} onClick={() => go({ open: "new" })}>
            {tokens ? "New service token" : "New key"}
          </Button>
        )
      }
    >
      <Group mb="sm" gap="sm">
        {may("keys:read") && (
          <SegmentedControl
            size="xs"
            aria-label="Kind"
            data={[
              { value: "", label: "Keys" },
              { value: "tokens", label: "Service tokens" },
            ]}
            value={tokens ? "tokens" : ""}
            onChange={(kind) => go({ kind: kind || undefined, open: undefined, sort: undefined })}
          />
        )}
        <SegmentedControl
          size="xs"
          aria-label="State"
          data={[
            { value: "", label: "All" },
            { value: "active", label: "Active" },
            { value: "disabled", label: "Off" },
            { value: "expired", label: "Expired" },
            { value: "revoked", label: "Revoked" },
          ]}
          value={address.state ?? ""}
          onChange={(state) => go({ state: state || undefined })}
        />
        {address.owner && (
          <Button variant="default" size="compact-sm" rightSection={<IconX size={13} />} onClick={() => go({ owner: undefined })} aria-label="Remove the filter owner">
            {address.owner}
          </Button>
        )}
      </Group>
      {tokens ? <ServiceTokens writes={writes} /> : <KeyList />}
    </Page>
  );
}

function KeyList() {
  const [address, go] = useAddress();
  const { may, owns, session } = useWho();
  const writes = (key: Key) => may("keys:write") || (owns("own:keys") && key.user === session.user);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [made, setMade] = useState<Schemas["KeyMade"] | null>(null);
  const keys = useApi("/api/v1/keys", { query: { state: address.state, owner: address.owner, limit: 200 } });
  const spent = useSpentBy("key");
  return (
    <>
      <Panel title="Keys" flush hint={keys.data && `${keys.data.items.length}${keys.data.next ? " and more" : ""}`}>
        {keys.error ? (
          <Failed error={keys.error} what="Keys cannot be shown" again={() => void keys.refetch()} />
        ) : !keys.data ? (
          <Group p="md">
            <Loading rows={6} />
          </Group>
        ) : keys.data.items.length === 0 ? (
          <Empty title="No key is in this state" command="tollway keys create ide">
            A key is what a program sends; budgets and policies know its owner by it.
          </Empty>
        ) : (
          <DataTable label="Keys" columns={columns(writes, setAsked, spent)} rows={keys.data.items} keyOf={(key) => key.id ?? key.name} />
        )}
      </Panel>
      <Modal opened={address.open === "new"} onClose={() => go({ open: undefined })} title="New key" closeButtonProps={{ "aria-label": "Close" }}>
        {address.open === "new" && (
          <NewKey
            ofOthers={may("keys:write")}
            made={(key) => {
              go({ open: undefined });
              setMade(key);
            }}
          />
        )}
      </Modal>
      <Act asked={asked} close={() => setAsked(null)} made={setMade} />
      <Modal opened={!!made} onClose={() => setMade(null)} title="The key, shown this once" closeOnClickOutside={false} closeButtonProps={{ "aria-label": "Close" }}>
        {made && (
          <Stack gap="sm">
            <Copyable text={made.secret} what="the key" block />
            <Alert color="yellow" variant="outline" icon={<IconKey size={17} />} title="Keep it now">
              The gateway keeps a hash of it alone, and cannot show it again. If it is lost, rotate the key.
            </Alert>
            {made.warnings.map((warning) => (
              <Text key={warning} size="sm">
                {warning}
              </Text>
            ))}
            <Button size="sm" onClick={() => setMade(null)}>
              I have it
            </Button>
          </Stack>
        )}
      </Modal>
    </>
  );
}

function NewKey({ ofOthers, made }: { ofOthers: boolean; made: (key: Schemas["KeyMade"]) => void }) {
  const [name, setName] = useState("");
  const [user, setUser] = useState("");
  const [groups, setGroups] = useState("");
  const [expires, setExpires] = useState("90d");
  const make = useChange("post", "/api/v1/keys");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const body = {
      name: name.trim(),
      ...(ofOthers && user.trim() ? { user: user.trim() } : {}),
      ...(ofOthers && groups.trim() ? { groups: groups.split(",").map((group) => group.trim()).filter(Boolean) } : {}),
      ...(expires.trim() ? { expires_in: expires.trim() } : {}),
    };
    make.mutate({ body }, { onSuccess: made });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <TextInput label="Name" description="What it is for: ide, nightly-build" value={name} onChange={(event) => setName(event.currentTarget.value)} required data-autofocus />
        {ofOthers && (
          <>
            <TextInput label="Person" description="Whose spending it is; leave it empty for nobody's" value={user} onChange={(event) => setUser(event.currentTarget.value)} placeholder="alice@example.com" />
            <TextInput label="Groups" description="With commas between them" value={groups} onChange={(event) => setGroups(event.currentTarget.value)} />
          </>
        )}
        <TextInput label="Ends after" description="12h, 90d; empty for never" value={expires} onChange={(event) => setExpires(event.currentTarget.value)} />
        {make.error && <Failed error={make.error} what="The key was not made" />}
        <Button type="submit" size="sm" loading={make.isPending}>
          Make the key
        </Button>
      </Stack>
    </form>
  );
}

function Act({ asked, close, made }: { asked: Asked | null; close: () => void; made: (key: Schemas["KeyMade"]) => void }) {
  const [grace, setGrace] = useState<number | string>(24);
  const rotate = useChange("post", "/api/v1/keys/{key_id}/rotate");
  const revoke = useChange("post", "/api/v1/keys/{key_id}/revoke");
  const path = { key_id: asked?.key.id ?? "" };
  const name = asked?.key.name ?? "";
  return (
    <Modal opened={!!asked} onClose={close} title={asked?.act === "rotate" ? `Rotate ${name}` : `Revoke ${name}`} closeButtonProps={{ "aria-label": "Close" }}>
      {asked?.act === "rotate" ? (
        <Stack gap="sm">
          <Text size="sm">It gets a new secret. The old one goes on working for a while, so that programs can be changed over.</Text>
          <NumberInput label="The old one works for, in hours" min={0} max={720} value={grace} onChange={setGrace} />
          {rotate.error && <Failed error={rotate.error} what="The key was not rotated" />}
          <Button
            size="sm"
            loading={rotate.isPending}
            onClick={() =>
              rotate.mutate(
                { path, body: { grace_s: Math.round(Number(grace) * 3600) } },
                {
                  onSuccess: (key) => {
                    close();
                    made(key);
                  },
                },
              )
            }
          >
            Make a new secret
          </Button>
        </Stack>
      ) : (
        <Stack gap="sm">
          <Text size="sm">Programs that use it are refused from the next request on. It cannot be taken back: make another key then.</Text>
          {revoke.error && <Failed error={revoke.error} what="The key was not revoked" />}
          <Button
            size="sm"
            color="red"
            loading={revoke.isPending}
            onClick={() =>
              revoke.mutate(
                { path },
                {
                  onSuccess: () => {
                    close();
                    notifications.show({ message: `${name} is revoked`, color: "teal" });
                  },
                },
              )
            }
          >
            Revoke it for good
          </Button>
        </Stack>
      )}
    </Modal>
  );
}

function columns(writes: (key: Key) => boolean, ask: (asked: Asked) => void, spent: ReadonlyMap<string, string> | undefined): readonly Column<Key>[] {
  const now = Date.now();
  return [
    {
      id: "name",
      head: "Name",
      by: (key) => key.name,
      cell: (key) => (
        <div>
          <Text size="sm" fw={600}>
            {key.name}
          </Text>
          {key.prefix && <span className="tw-inline-code">{key.prefix}…</span>}
        </div>
      ),
    },
    {
      id: "owner",
      head: "Whose",
      by: (key) => key.user ?? key.service ?? key.owner,
      cell: (key) => (
        <div>
          {key.user ?? key.service ?? key.owner ?? <Dim>nobody</Dim>}
          {key.groups.length > 0 && (
            <Text size="xs" c="dimmed">
              {key.groups.join(", ")}
            </Text>
          )}
        </div>
      ),
    },
    { id: "scope", head: "May use", cell: (key) => <Scope of={key} /> },
    { id: "state", head: "State", by: (key) => key.state, cell: (key) => <State of={key} now={now} /> },
    { id: "spent", head: `Spent, ${DAYS} d`, number: true, by: (key) => nanodollars(spent?.get(key.name) ?? "0"), cell: (key) => <Spent of={key.name} spent={spent} /> },
    { id: "used", head: "Used last", by: (key) => key.last_used_at, cell: (key) => (key.last_used_at ? relative(key.last_used_at, now) : <Dim>not known</Dim>) },
    { id: "age", head: "Age", by: (key) => key.created_at, cell: (key) => <Age of={key.created_at} now={now} /> },
    {
      id: "act",
      head: <span className="tw-hidden">Actions</span>,
      width: 110,
      cell: (key) =>
        key.managed_by === "file" ? (
          <Dim>settings file</Dim>
        ) : writes(key) && key.id && (key.state === "active" || key.state === "disabled") ? (
          <Acts name={key.name} rotate={() => ask({ act: "rotate", key })} revoke={() => ask({ act: "revoke", key })} />
        ) : null,
    },
  ];
}
