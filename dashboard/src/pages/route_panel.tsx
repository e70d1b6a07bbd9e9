/** One route: its graph, its elements as JSON, its versions, and which of them is in force. */

import { Alert, Button, Group, JsonInput, Stack, Table, Tabs, Text, TextInput, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { lazy, Suspense, useState } from "react";
import { useApi, useChange, useQuestion } from "../api/client";
import { useWho } from "../api/session";
import { Chip } from "../pieces/chip";
import { Failed, Loading } from "../pieces/states";
import { instant } from "../time";
import { json } from "./policy_form";
import type { Route } from "./routes";

const RouteGraph = lazy(() => import("./route_graph"));

export function RoutePanel({ route }: { route: Route }) {
  return (
    <Tabs defaultValue="graph" keepMounted={false}>
      <Tabs.List mb="sm">
        <Tabs.Tab value="graph">Graph</Tabs.Tab>
        <Tabs.Tab value="json">Edit as JSON</Tabs.Tab>
        <Tabs.Tab value="versions">Versions</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="graph">
        <Suspense fallback={<Loading rows={1} height={540} />}>
          <RouteGraph elements={route.elements} />
        </Suspense>
        <Text size="xs" c="dimmed" mt="xs">
          Callers send <span className="tw-inline-code">{route.model}</span> as the model. To change the graph, edit it as JSON.
        </Text>
      </Tabs.Panel>
      <Tabs.Panel value="json">
        <Editor route={route} />
      </Tabs.Panel>
      <Tabs.Panel value="versions">
        <Versions route={route} />
      </Tabs.Panel>
    </Tabs>
  );
}

function Editor({ route }: { route: Route }) {
  const { may } = useWho();
  const [text, setText] = useState(() => JSON.stringify(route.elements, null, 2));
  const [comment, setComment] = useState("");
  const validate = useQuestion("/api/v1/routes/validate");
  const save = useChange("post", "/api/v1/routes/{route_id}/versions");
  const elements = json(text);
  const submit = (deploy: boolean) =>
    save.mutate(
      { path: { route_id: route.id }, body: { elements, comment: comment || null, deploy } },
      { onSuccess: () => notifications.show({ message: deploy ? `${route.name} has a new version in force` : "The version is saved", color: "teal" }) },
    );
  return (
    <Stack gap="sm">
      <Elements text={text} setText={setText} disabled={!may("routes:write")} />
      {validate.data && <Judged valid={validate.data.valid} problems={validate.data.problems} />}
      {validate.error && <Failed error={validate.error} what="It cannot be checked" />}
      {save.error && <Failed error={save.error} what="The version was not saved" />}
      <TextInput label="Why" placeholder="what this version is for" value={comment} onChange={(event) => setComment(event.currentTarget.value)} />
      <Group gap="xs">
        <Button variant="default" disabled={!Array.isArray(elements)} loading={validate.isPending} onClick={() => validate.mutate({ body: { elements } })}>
          Check
        </Button>
        {may("routes:write") && (
          <>
            <Button variant="default" disabled={!Array.isArray(elements)} loading={save.isPending} onClick={() => submit(false)}>
              Save a version
            </Button>
            <Button disabled={!Array.isArray(elements)} loading={save.isPending} onClick={() => submit(true)}>
              Save and deploy
            </Button>
          </>
        )}
      </Group>
    </Stack>
  );
}

function Elements({ text, setText, disabled }: { text: string; setText: (text: string) => void; disabled?: boolean }) {
  return (
    <JsonInput
      label="Elements"
      value={text}
      onChange={setText}
      error={Array.isArray(json(text)) ? undefined : "Write a list of elements in JSON"}
      autosize
      minRows={10}
      maxRows={24}
      spellCheck={false}
      disabled={disabled}
      className="tw-mono"
    />
  );
}

interface JudgedProps {
  valid: boolean;
  problems: readonly { element: string | null; field: string; message: string }[];
}

function Judged({ valid, problems }: JudgedProps) {
  return (
    <Alert role="status" variant="outline" color={valid ? "teal" : "red"} title={valid ? "It can be used" : "It cannot be used yet"}>
      {problems.map((problem, number) => (
        <Text key={number} size="sm">
          {problem.element && <b>{problem.element}: </b>}
          {problem.message}
        </Text>
      ))}
    </Alert>
  );
}

function Versions({ route }: { route: Route }) {
  const { may } = useWho();
  const versions = useApi("/api/v1/routes/{route_id}/versions", { path: { route_id: route.id } });
  const deploy = useChange("post", "/api/v1/routes/{route_id}/deployments");
  if (versions.error) return <Failed error={versions.error} what="Versions cannot be shown" again={() => void versions.refetch()} />;
  if (!versions.data) return <Loading rows={4} />;
  if (versions.data.items.length === 0)
    return (
      <Text size="sm" c="dimmed">
        It stands in the settings file alone. The first version is made when it is saved here.
      </Text>
    );
  return (
    <>
      {deploy.error && <Failed error={deploy.error} what="It was not deployed" />}
      <Table aria-label="Versions">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Saved</Table.Th>
            <Table.Th>By</Table.Th>
            <Table.Th>Why</Table.Th>
            <Table.Th>State</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {versions.data.items.map((version) => (
            <Table.Tr key={version.version_id}>
              <Table.Td>{instant(version.created_at)}</Table.Td>
              <Table.Td>{version.created_by}</Table.Td>
              <Table.Td>{version.comment ?? "—"}</Table.Td>
              <Table.Td>
                {version.active === "true" ? (
                  <Chip tone="good">in force</Chip>
                ) : may("routes:write") ? (
                  <Button
                    variant="default"
                    size="compact-xs"
                    loading={deploy.isPending && deploy.variables?.body === version.version_id}
                    onClick={() =>
                      deploy.mutate(
                        { path: { route_id: route.id }, body: { version_id: version.version_id, comment: null } },
                        { onSuccess: () => notifications.show({ message: `That version of ${route.name} is in force`, color: "teal" }) },
                      )
                    }
                  >
                    Put in force
                  </Button>
                ) : null}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </>
  );
}

const FIRST = [
  { id: "start", type: "start", outputs: { next: "first" } },
  { id: "first", type: "model", properties: { model: "openai/gpt-4o-mini", retries: 1 }, outputs: { success: "end", fallback: "second" } },
  { id: "second", type: "model", properties: { model: "anthropic/claude-haiku-4-5" }, outputs: { success: "end" } },
  { id: "end", type: "end" },
];

export function RouteNew({ made }: { made: (id: string) => void }) {
  const [name, setName] = useState("");
  const [text, setText] = useState(() => JSON.stringify(FIRST, null, 2));
  const make = useChange("post", "/api/v1/routes");
  const elements = json(text);
  return (
    <Stack gap="sm">
      <TextInput label="Name" description="Callers send dynamic/NAME as the model" value={name} onChange={(event) => setName(event.currentTarget.value)} required data-autofocus />
      <Elements text={text} setText={setText} />
      {make.error && <Failed error={make.error} what="The route was not saved" />}
      <Group gap="xs">
        <Title order={3} className="tw-hidden">
          Save
        </Title>
        {[false, true].map((deploy) => (
          <Button
            key={String(deploy)}
            variant={deploy ? "filled" : "default"}
            disabled={!name.trim() || !Array.isArray(elements)}
            loading={make.isPending}
            onClick={() => make.mutate({ body: { name: name.trim(), elements, deploy } }, { onSuccess: (route) => made(route.id) })}
          >
            {deploy ? "Save and deploy" : "Save as a draft"}
          </Button>
        ))}
      </Group>
    </Stack>
  );
}
