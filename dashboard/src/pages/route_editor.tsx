/** A route that is being changed: its graph, the chosen element, and the same as JSON, each of which changes the others. */

import { Alert, Anchor, Button, Group, JsonInput, Menu, Stack, Tabs, Text, TextInput } from "@mantine/core";
import { IconArrowBackUp, IconChevronDown, IconCircleCheck, IconPlus } from "@tabler/icons-react";
import { lazy, Suspense, useEffect, useState, type ReactNode } from "react";
import { useQuestion } from "../api/client";
import { Failed, Loading } from "../pieces/states";
import { listed } from "./alert_words";
import { json } from "./policy_form";
import type { Problem, Traffic } from "./route_graph";
import { RouteInspector } from "./route_inspector";
import { added, connected, find, freeName, read, without, write, type Graph, type Kind } from "./route_model";
import "./caution.css";
import "./routes.css";

const RouteGraph = lazy(() => import("./route_graph"));

/** Behind the last change: what is wrong is told without being asked for. */
const CHECK_MS = 400;
const ADDED: readonly (readonly [Kind, string])[] = [
  ["model", "A model"],
  ["pool", "Several models"],
  ["conditional", "A condition"],
  ["percentage", "A split by percent"],
  ["rate", "A limit"],
  ["end", "An end"],
];

export interface Draft {
  elements: readonly unknown[];
  /** Null while the JSON cannot be read as elements. */
  graph: Graph | null;
  text: string;
}

export function draftOf(elements: readonly unknown[]): Draft {
  return { elements, graph: read(elements), text: JSON.stringify(elements, null, 2) };
}

interface Props {
  draft: Draft;
  setDraft: (draft: Draft) => void;
  editable: boolean;
  traffic?: Traffic;
  /** False where something besides its elements is wrong, which is told elsewhere. */
  usable?: boolean;
  /** What is done with it: saving, deploying. */
  children: (state: { valid: boolean; checked: boolean }) => ReactNode;
}

export function RouteEditor({ draft, setDraft, editable, traffic, usable = true, children }: Props) {
  const [chosen, setChosen] = useState<string | null>(null);
  const [side, setSide] = useState<string | null>("element");
  const [before, setBefore] = useState<Draft[]>([]);
  const { mutate, ...check } = useQuestion("/api/v1/routes/validate");
  const { graph, text } = draft;
  const asked = JSON.stringify(draft.elements);
  useEffect(() => {
    if (!graph) return;
    const timer = setTimeout(() => mutate({ body: { elements: JSON.parse(asked) as unknown } }), CHECK_MS);
    return () => clearTimeout(timer);
  }, [asked, graph, mutate]);
  const problems: readonly Problem[] = graph ? (check.data?.problems ?? []) : [];
  const change = (fresh: Graph, choose?: string | null) => {
    if (fresh !== graph) {
      setBefore([...before.slice(-49), draft]);
      setDraft(draftOf(write(fresh)));
    }
    if (choose !== undefined) setChosen(choose);
  };
  const typed = (given: string) => {
    const found = json(given);
    const readable = read(found);
    if (readable) setBefore([...before.slice(-49), draft]);
    setDraft(readable ? { elements: found as unknown[], graph: readable, text: given } : { ...draft, graph: null, text: given });
  };
  const choose = (id: string | null) => {
    setChosen(id);
    if (id) setSide("element");
  };
  const element = graph ? find(graph, chosen) : undefined;
  return (
    <Stack gap="sm">
      {editable && (
        <Group gap="xs">
          <Menu position="bottom-start" transitionProps={{ duration: 0 }}>
            <Menu.Target>
              <Button variant="default" leftSection={<IconPlus size={14} />} rightSection={<IconChevronDown size={14} />} disabled={!graph}>
                Add an element
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {ADDED.map(([kind, label]) => (
                <Menu.Item
                  key={kind}
                  onClick={() => {
                    if (!graph) return;
                    const id = freeName(graph, kind);
                    change(added(graph, kind, id), id);
                    setSide("element");
                  }}
                >
                  {label}
                </Menu.Item>
              ))}
            </Menu.Dropdown>
          </Menu>
          <Button
            variant="default"
            leftSection={<IconArrowBackUp size={14} />}
            disabled={before.length === 0}
            onClick={() => {
              const last = before.at(-1);
              if (last) setDraft(last);
              setBefore(before.slice(0, -1));
            }}
          >
            Undo
          </Button>
          <Text size="xs" c="dimmed" visibleFrom="sm">
            Drag from a dot at the bottom of a box to another box, or choose a box and say where it leads.
          </Text>
        </Group>
      )}
      <div className="tw-route">
        <div>
          {graph ? (
            <Suspense fallback={<Loading rows={1} height={560} />}>
              <RouteGraph
                graph={graph}
                chosen={chosen}
                choose={choose}
                problems={problems}
                traffic={traffic}
                {...(editable
                  ? {
                      connect: (from: string, output: string, to: string) => change(connected(graph, from, output, to)),
                      disconnect: (from: string, output: string) => change(connected(graph, from, output, null)),
                      remove: (id: string) => find(graph, id)?.type !== "start" && change(without(graph, id), null),
                    }
                  : {})}
              />
            </Suspense>
          ) : (
            <Alert className="tw-caution" color="yellow" variant="outline" title="The JSON is no list of elements yet">
              Each element needs an id of its own and a type. The graph is drawn again as soon as it can be read.
            </Alert>
          )}
        </div>
        <Tabs value={side} onChange={setSide} className="tw-route-side" keepMounted={false}>
          <Tabs.List mb="sm">
            <Tabs.Tab value="element">Element</Tabs.Tab>
            <Tabs.Tab value="json">JSON</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="element">
            {graph && element ? (
              <fieldset disabled={!editable} className="tw-plain">
                <RouteInspector graph={graph} element={element} problems={problems.filter((one) => one.element === element.id)} change={change} />
              </fieldset>
            ) : (
              <Text size="sm" c="dimmed">
                Choose an element in the graph to see what it does{editable ? " and to change it" : ""}.
              </Text>
            )}
          </Tabs.Panel>
          <Tabs.Panel value="json">
            <JsonInput
              aria-label="Elements"
              value={text}
              onChange={typed}
              error={graph ? undefined : "Write a list of elements in JSON"}
              autosize
              minRows={10}
              maxRows={26}
              spellCheck={false}
              readOnly={!editable}
              className="tw-mono tw-route-json"
            />
          </Tabs.Panel>
        </Tabs>
      </div>
      {check.error && <Failed error={check.error} what="It cannot be checked" />}
      {graph && check.data && (usable || !check.data.valid) && <Judged valid={check.data.valid} problems={problems} choose={choose} />}
      {children({ valid: !!graph && check.data?.valid === true, checked: !!graph && !!check.data })}
    </Stack>
  );
}

function Judged({ valid, problems, choose }: { valid: boolean; problems: readonly Problem[]; choose: (id: string) => void }) {
  if (valid)
    return (
      <Text size="sm" c="var(--tw-good)" role="status" component="div">
        <Group gap={6}>
          <IconCircleCheck size={16} aria-hidden /> It can be used
        </Group>
      </Text>
    );
  return (
    <Alert role="status" variant="outline" color="red" title="It cannot be used yet">
      {problems.map((problem, number) => (
        <Text key={number} size="sm">
          {problem.element && (
            <>
              <Anchor component="button" type="button" inherit fw={600} underline="always" onClick={() => choose(problem.element ?? "")}>
                {problem.element}
              </Anchor>
              :{" "}
            </>
          )}
          {problem.message}
        </Text>
      ))}
    </Alert>
  );
}

interface SaveProps {
  save: (deploy: boolean, why: string) => void;
  pending: boolean;
  disabled: boolean;
  /** What it needs besides, as a part of a sentence. */
  missing?: string;
  error: unknown;
  also?: ReactNode;
}

/** The word why, and the buttons. */
export function Save({ save, pending, disabled, missing, error, also }: SaveProps) {
  const [why, setWhy] = useState("");
  const needs = [...(missing ? [missing] : []), ...(why.trim() ? [] : ["a word why"])];
  return (
    <>
      {error ? <Failed error={error} what="It was not saved" /> : null}
      <Group align="end" gap="xs">
        {also}
        <TextInput label="Why" placeholder="what this version is for" value={why} onChange={(event) => setWhy(event.currentTarget.value)} flex={1} miw={180} />
        <Button variant="default" size="sm" disabled={disabled} loading={pending} onClick={() => save(false, why)}>
          Save a version
        </Button>
        <Button size="sm" disabled={disabled || !why.trim()} loading={pending} onClick={() => save(true, why)}>
          Save and deploy
        </Button>
      </Group>
      {needs.length > 0 && (
        <Text size="xs" c="dimmed" ta="right">
          {missing ? "It needs" : "To deploy it, it needs"} {listed(needs)}.
        </Text>
      )}
    </>
  );
}
