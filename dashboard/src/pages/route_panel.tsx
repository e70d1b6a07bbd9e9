/** One route: its graph and what goes through it, its versions, and which of them is in force. */

import { Button, Group, Modal, Stack, Switch, Tabs, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useApi, useChange } from "../api/client";
import { useWho } from "../api/session";
import { Amount } from "../pieces/amount";
import { Copyable } from "../pieces/copyable";
import { Failed } from "../pieces/states";
import { useUnsaved } from "../pieces/unsaved";
import { useAddress, useSpan } from "../shell/address";
import { count, instant } from "../time";
import { draftOf, RouteEditor, Save } from "./route_editor";
import { nameWrong } from "./route_name";
import { RouteTest } from "./route_test";
import { RouteVersions } from "./route_versions";
import type { Route } from "./routes";

export function RoutePanel({ route, gone }: { route: Route; gone: () => void }) {
  const [address, go] = useAddress();
  const { may } = useWho();
  return (
    <Stack gap="sm" pb="xl">
      <Group gap="md">
        <Copyable text={route.model} what="the name callers send as the model" />
        <Text size="xs" c="dimmed">
          {route.deployment && !route.edited ? `deployed ${instant(route.deployment.created_at)} by ${route.deployment.created_by}` : "as the settings file has it"}
          {route.deployment?.comment && !route.edited ? `: ${route.deployment.comment}` : ""}
        </Text>
        {may("routes:write") && <Switching route={route} gone={gone} />}
      </Group>
      <Tabs value={address.tab ?? "graph"} onChange={(tab) => go({ tab: tab === "graph" ? undefined : (tab ?? undefined) }, true)} keepMounted={false}>
        <Tabs.List mb="sm">
          <Tabs.Tab value="graph">Graph and JSON</Tabs.Tab>
          <Tabs.Tab value="test">Test a request</Tabs.Tab>
          <Tabs.Tab value="versions">Versions</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="graph">
          <Edit route={route} />
        </Tabs.Panel>
        <Tabs.Panel value="test">
          <RouteTest route={route} />
        </Tabs.Panel>
        <Tabs.Panel value="versions">
          <RouteVersions route={route} />
        </Tabs.Panel>
      </Tabs>
    </Stack>
  );
}

function Edit({ route }: { route: Route }) {
  const { may } = useWho();
  const { query } = useSpan();
  const [draft, setDraft] = useState(() => draftOf(route.elements));
  const traffic = useApi("/api/v1/routes/{route_id}/traffic", { path: { route_id: route.id }, query });
  const save = useChange("post", "/api/v1/routes/{route_id}/versions");
  const changed = JSON.stringify(draft.elements) !== JSON.stringify(route.elements);
  // A version that is saved and not deployed is not lost.
  const [kept, setKept] = useState("");
  const { question } = useUnsaved(may("routes:write") && !save.isPending && (draft.graph === null || (changed && JSON.stringify(draft.elements) !== kept)));
  const seen = traffic.data;
  return (
    <RouteEditor draft={draft} setDraft={setDraft} editable={may("routes:write")} traffic={seen && seen.requests > 0 ? seen : undefined}>
      {({ valid }) => (
        <>
          {question}
          <Text size="xs" c="dimmed">
            {traffic.error
              ? "What went through it cannot be told now."
              : !seen
                ? " "
                : seen.requests === 0
                  ? "No request of the range went through it. Callers send its name as the model."
                  : `${count(seen.requests)} ${seen.complete ? "requests of the range" : "newest requests of the range"} went through it: ${count(seen.answered)} answered, ${count(seen.refused)} not, `}
            {seen && seen.requests > 0 && (
              <>
                <Amount of={seen.amount_usd} fw={600} /> spent{seen.unpriced > 0 ? `, ${count(seen.unpriced)} without a price` : ""}.
              </>
            )}
          </Text>
          {may("routes:write") && (
            <Save
              pending={save.isPending}
              disabled={!valid || !draft.graph}
              error={save.error}
              also={changed ? <Text size="xs" c="var(--tw-near)" fw={600} mb={10}>changed, not saved</Text> : undefined}
              save={(deploy, why) =>
                save.mutate(
                  { path: { route_id: route.id }, body: { elements: draft.elements, comment: why.trim() || null, deploy } },
                  {
                    onSuccess: () => {
                      setKept(JSON.stringify(draft.elements));
                      notifications.show({ message: deploy ? `${route.name} has a new version in force` : "The version is saved", color: "teal" });
                    },
                  },
                )
              }
            />
          )}
        </>
      )}
    </RouteEditor>
  );
}

function Switching({ route, gone }: { route: Route; gone: () => void }) {
  const [asking, setAsking] = useState(false);
  const change = useChange("patch", "/api/v1/routes/{route_id}");
  const remove = useChange("delete", "/api/v1/routes/{route_id}");
  return (
    <Group gap="sm" ml="auto">
      {(route.in_force || !route.enabled) && (
        <Switch
          label="In use"
          checked={route.enabled}
          onChange={(event) => change.mutate({ path: { route_id: route.id }, body: { enabled: event.currentTarget.checked } })}
        />
      )}
      <Button variant="default" leftSection={<IconTrash size={14} />} onClick={() => setAsking(true)}>
        Take it out…
      </Button>
      {change.error && <Failed error={change.error} what="It was not switched" />}
      <Modal opened={asking} onClose={() => setAsking(false)} title={`Take out ${route.name}?`} closeButtonProps={{ "aria-label": "Close" }}>
        <Text size="sm" mb="sm">
          Callers of {route.model} are refused from the next request on. Its versions go with it.
        </Text>
        {remove.error && <Failed error={remove.error} what="It was not taken out" />}
        <Button color="red" loading={remove.isPending} onClick={() => remove.mutate({ path: { route_id: route.id } }, { onSuccess: gone })}>
          Take it out
        </Button>
      </Modal>
    </Group>
  );
}

const FIRST = [
  { id: "start", type: "start", outputs: { next: { elementId: "first" } } },
  {
    id: "first",
    type: "model",
    properties: { model: "openai/gpt-4o-mini", retries: 1 },
    outputs: { success: { elementId: "end" }, fallback: { elementId: "second" } },
  },
  { id: "second", type: "model", properties: { model: "anthropic/claude-haiku-4-5" }, outputs: { success: { elementId: "end" } } },
  { id: "end", type: "end" },
];

export function RouteNew({ made }: { made: (id: string) => void }) {
  const [name, setName] = useState("");
  const [draft, setDraft] = useState(() => draftOf(FIRST));
  const { question, saved } = useUnsaved(name !== "" || draft.graph === null || JSON.stringify(draft.elements) !== JSON.stringify(FIRST));
  const make = useChange("post", "/api/v1/routes");
  const routes = useApi("/api/v1/routes");
  // Once it is made, its name is its own.
  const wrong = make.isPending || make.isSuccess ? null : nameWrong(name, routes.data?.items ?? []);
  return (
    <Stack gap="sm" pb="xl">
      {question}
      <TextInput
        label="Name"
        description={`Callers send dynamic/${(!wrong && name.trim()) || "NAME"} as the model`}
        error={wrong}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        required
        data-autofocus
        maw={360}
      />
      <RouteEditor draft={draft} setDraft={setDraft} editable usable={!wrong}>
        {({ valid }) => (
          <Save
            pending={make.isPending}
            disabled={!name.trim() || !!wrong || !valid}
            missing={!name.trim() ? "a name" : wrong ? "another name" : undefined}
            error={make.error}
            save={(deploy, why) =>
              make.mutate({ body: { name: name.trim(), elements: draft.elements, comment: why.trim() || null, deploy } }, {
                onSuccess: (route) => {
                  saved();
                  made(route.id);
                },
              })
            }
          />
        )}
      </RouteEditor>
    </Stack>
  );
}
