/** Which way would a request take? Nobody is called, and nothing is counted. */

import { Alert, Button, Group, JsonInput, MultiSelect, Stack, Table, Text, TextInput } from "@mantine/core";
import { IconBan, IconCircleCheck } from "@tabler/icons-react";
import { lazy, Suspense, useState, type FormEvent } from "react";
import { useQuestion } from "../api/client";
import { Failed, Loading } from "../pieces/states";
import { json } from "./policy_form";
import { kindOf, read } from "./route_model";
import type { Route } from "./routes";
import { pairs, words } from "./words";

const RouteGraph = lazy(() => import("./route_graph"));

export function RouteTest({ route }: { route: Route }) {
  const graph = read(route.elements) ?? [];
  const tried = graph.filter((element) => ["model", "pool"].includes(kindOf(element) ?? "")).map((element) => element.id);
  const limits = graph.filter((element) => kindOf(element) === "rate").map((element) => element.id);
  const [metadata, setMetadata] = useState("plan=free");
  const [user, setUser] = useState("");
  const [groups, setGroups] = useState("");
  const [body, setBody] = useState('{"messages": [{"role": "user", "content": "Hello!"}]}');
  const [draw, setDraw] = useState("");
  const [answers, setAnswers] = useState<string[]>(tried);
  const [limited, setLimited] = useState<string[]>([]);
  const test = useQuestion("/api/v1/routes/{route_id}/simulate");
  const given = json(body);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    test.mutate({
      path: { route_id: route.id },
      body: {
        body: given,
        metadata: pairs(metadata),
        user: { ...(user ? { id: user, email: user } : {}), ...(groups ? { groups: words(groups) } : {}) },
        answers,
        limited,
        draw: Math.min(0.9999, Math.max(0, Number(draw || "0") / 100)),
      },
    });
  };
  const found = test.data;
  return (
    <Stack gap="sm">
      <form onSubmit={submit} aria-label="A request to test">
        <Stack gap="sm">
          <Group grow align="start">
            <TextInput label="Person" placeholder="alice@example.com" value={user} onChange={(event) => setUser(event.currentTarget.value)} />
            <TextInput label="Groups" placeholder="engineering, leads" value={groups} onChange={(event) => setGroups(event.currentTarget.value)} />
            <TextInput label="Metadata" placeholder="plan=free, app=web" value={metadata} onChange={(event) => setMetadata(event.currentTarget.value)} />
          </Group>
          <Group grow align="start">
            <MultiSelect label="Models that answer" data={tried} value={answers} onChange={setAnswers} placeholder={answers.length ? undefined : "none: all are tried"} />
            {limits.length > 0 && <MultiSelect label="Limits that are reached" data={limits} value={limited} onChange={setLimited} placeholder={limited.length ? undefined : "none"} />}
            <TextInput label="Percentages draw" placeholder="0 to 99" inputMode="decimal" value={draw} onChange={(event) => setDraw(event.currentTarget.value)} />
          </Group>
          <JsonInput label="Body" value={body} onChange={setBody} error={given === undefined ? "This is no JSON" : undefined} autosize minRows={1} maxRows={8} spellCheck={false} className="tw-mono" />
          <Group gap="sm">
            <Button type="submit" loading={test.isPending} disabled={given === undefined}>
              Walk it
            </Button>
            <Text size="xs" c="dimmed">
              Nothing is sent, and no limit counts it.
            </Text>
          </Group>
        </Stack>
      </form>
      {test.error && <Failed error={test.error} what="It cannot be walked" />}
      {found && (
        <>
          <Alert
            role="status"
            variant="outline"
            color={found.answered_by ? "teal" : "red"}
            icon={found.answered_by ? <IconCircleCheck size={18} /> : <IconBan size={18} />}
            title={found.answered_by ? `${found.answered_by} answers` : "Nobody answers"}
          >
            <Text size="sm">{found.path.join(" → ")}</Text>
            {found.ended && <Text size="sm">{found.ended}</Text>}
            {found.notes.map((note, number) => (
              <Text key={number} size="xs" c="dimmed">
                {note}
              </Text>
            ))}
          </Alert>
          <Suspense fallback={<Loading rows={1} height={420} />}>
            <RouteGraph graph={graph} way={found.path} />
          </Suspense>
          {found.steps.length > 0 && (
            <Table aria-label="Steps">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Element</Table.Th>
                  <Table.Th>Tried, or weighed</Table.Th>
                  <Table.Th>Went</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {found.steps.map((step, number) => (
                  <Table.Tr key={number}>
                    <Table.Td>{step.element}</Table.Td>
                    <Table.Td>{step.limit ?? step.targets.map((target) => `${target.provider}/${target.model}`).join(", ")}</Table.Td>
                    <Table.Td>{step.kind === "weigh" ? (step.went_well ? "under the limit" : "limit reached") : step.went_well ? "answered" : "no answer"}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          )}
        </>
      )}
    </Stack>
  );
}
