/** The element that is chosen, as a form: everything that can be done with the mouse can be done here by keyboard. */

import { ActionIcon, Button, Group, JsonInput, NumberInput, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconPlus, IconTrash, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { json } from "./policy_form";
import type { Problem } from "./route_graph";
import { connected, kindOf, outputRenamed, outputsOf, renamed, without, withProperty, type Element, type Graph } from "./route_model";

interface Props {
  graph: Graph;
  element: Element;
  problems: readonly Problem[];
  change: (graph: Graph, chosen?: string | null) => void;
}

export function RouteInspector({ graph, element, problems, change }: Props) {
  const kind = kindOf(element);
  const set = (name: string, value: unknown) => change(withProperty(graph, element.id, name, value));
  const others = graph.filter((one) => one.id !== element.id && one.type !== "start").map((one) => ({ value: one.id, label: one.id }));
  return (
    <Stack gap="sm" aria-label={`Element ${element.id}`} component="section">
      <Name key={element.id} graph={graph} element={element} change={change} />
      {problems.map((problem, number) => (
        <Text key={number} size="sm" c="var(--tw-over)">
          {problem.field && <b>{problem.field}: </b>}
          {problem.message}
        </Text>
      ))}
      {kind === "model" && <Model element={element} set={set} />}
      {(kind === "model" || kind === "pool") && (
        <Group grow>
          <Whole label="Tries after the first" value={element.properties?.retries} set={(value) => set("retries", value)} />
          <Whole label="Give up after, ms" value={element.properties?.timeout} set={(value) => set("timeout", value)} />
        </Group>
      )}
      {kind === "pool" && <Pool element={element} set={set} />}
      {kind === "rate" && <Rate element={element} set={set} />}
      {kind === "conditional" && (
        <Json
          key={`${element.id}-condition`}
          label="Condition"
          description={'{"metadata.plan": {"$eq": "free"}} or {"cel": "…"}'}
          value={element.properties?.conditions ?? element.properties?.condition ?? {}}
          set={(value) => set(element.properties?.condition !== undefined ? "condition" : "conditions", value)}
        />
      )}
      {outputsOf(element).map((name) => (
        <Group key={name} gap="xs" align="end" wrap="nowrap">
          {kind === "percentage" && name !== "else" ? (
            <Share graph={graph} element={element} name={name} change={change} />
          ) : null}
          <Select
            flex={1}
            label={kind === "percentage" && name !== "else" ? "goes to" : `${LEADS[name] ?? name}`}
            aria-label={`${name} leads to`}
            placeholder="nowhere"
            clearable
            allowDeselect
            data={others}
            value={element.ways?.find((way) => way.name === name)?.target ?? null}
            onChange={(target) => change(connected(graph, element.id, name, target))}
          />
          {kind === "percentage" && name !== "else" && (
            <ActionIcon variant="subtle" color="gray" mb={4} aria-label={`Take the share ${name} out`} onClick={() => change(connected(graph, element.id, name, null))}>
              <IconX size={15} />
            </ActionIcon>
          )}
        </Group>
      ))}
      {kind === "percentage" && (
        <Button
          variant="default"
          leftSection={<IconPlus size={14} />}
          onClick={() => change(connected(graph, element.id, freeShare(element), graph.find((one) => one.type === "end")?.id ?? ""))}
        >
          One more share
        </Button>
      )}
      {element.type !== "start" && (
        <Button variant="default" color="red" leftSection={<IconTrash size={14} />} onClick={() => change(without(graph, element.id), null)}>
          Take this element out
        </Button>
      )}
    </Stack>
  );
}

const LEADS: Record<string, string> = {
  next: "Begins with",
  true: "Where it holds",
  false: "Where it does not",
  success: "Then",
  fallback: "Where it fails, or the limit is reached",
  else: "All the rest goes to",
};

function freeShare(element: Element): string {
  const there = new Set(outputsOf(element));
  return ["10%", "20%", "30%", "40%", "50%", "5%", "1%"].find((share) => !there.has(share)) ?? "2%";
}

function Name({ graph, element, change }: { graph: Graph; element: Element; change: Props["change"] }) {
  const [name, setName] = useState(element.id);
  const taken = name !== element.id && graph.some((one) => one.id === name);
  return (
    <TextInput
      label="Name"
      description={element.type.replaceAll("_", " ")}
      value={name}
      error={taken ? "Another element is called that" : undefined}
      onChange={(event) => setName(event.currentTarget.value)}
      onBlur={() => !taken && name.trim() && name !== element.id && change(renamed(graph, element.id, name.trim()), name.trim())}
    />
  );
}

interface PropertyProps {
  element: Element;
  set: (name: string, value: unknown) => void;
}

function Model({ element, set }: PropertyProps) {
  const { provider, model } = element.properties ?? {};
  return (
    <>
      <TextInput
        label="Model"
        description={provider === undefined ? "provider/model" : `of ${String(provider)}`}
        value={String(model ?? "")}
        onChange={(event) => set("model", event.currentTarget.value)}
      />
      {provider !== undefined && <TextInput label="Provider" value={String(provider)} onChange={(event) => set("provider", event.currentTarget.value)} />}
    </>
  );
}

function Pool({ element, set }: PropertyProps) {
  return (
    <>
      <Select
        label="Which comes first"
        data={[
          { value: "weighted", label: "by weight" },
          { value: "in_order", label: "the first that can" },
          { value: "cheapest", label: "the cheapest" },
          { value: "least_latency", label: "the fastest" },
        ]}
        value={String(element.properties?.order ?? "weighted")}
        onChange={(order) => set("order", order ?? "weighted")}
      />
      <Json key={`${element.id}-targets`} label="Models" description={'[{"model": "openai/gpt-4o", "weight": 3}]'} value={element.properties?.targets ?? []} set={(value) => set("targets", value)} />
    </>
  );
}

function Rate({ element, set }: PropertyProps) {
  const properties = element.properties ?? {};
  const kindName = properties.limit_type !== undefined ? "limit_type" : "limitType";
  const windowName = properties.interval !== undefined ? "interval" : "window";
  return (
    <>
      <Group grow align="end">
        <Select
          label="Counts"
          data={[
            { value: "count", label: "requests" },
            { value: "cost", label: "US dollars" },
          ]}
          value={String(properties[kindName] ?? "count")}
          onChange={(value) => set(kindName, value ?? "count")}
        />
        <NumberInput label="Limit" value={Number(properties.limit ?? 0)} onChange={(value) => typeof value === "number" && set("limit", value)} hideControls />
      </Group>
      <Group grow align="end">
        <NumberInput label="In seconds" value={Number(properties[windowName] ?? 0)} onChange={(value) => typeof value === "number" && set(windowName, value)} hideControls />
        <TextInput label="For each" placeholder="all together" value={String(properties.key ?? "")} onChange={(event) => set("key", event.currentTarget.value || undefined)} />
      </Group>
    </>
  );
}

function Share({ graph, element, name, change }: { graph: Graph; element: Element; name: string; change: Props["change"] }) {
  const [text, setText] = useState(name);
  return (
    <TextInput
      w={84}
      label="Share"
      aria-label={`Share ${name}`}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={() => /^\d{1,3}(\.\d*)?%$/.test(text) && change(outputRenamed(graph, element.id, name, text))}
    />
  );
}

function Whole({ label, value, set }: { label: string; value: unknown; set: (value: number | undefined) => void }) {
  return (
    <NumberInput
      label={label}
      placeholder="as set elsewhere"
      value={typeof value === "number" ? value : ""}
      min={0}
      allowDecimal={false}
      hideControls
      onChange={(given) => set(typeof given === "number" ? given : undefined)}
    />
  );
}

function Json({ label, description, value, set }: { label: string; description: string; value: unknown; set: (value: unknown) => void }) {
  const [text, setText] = useState(() => JSON.stringify(value, null, 1));
  const wrong = json(text) === undefined;
  return (
    <JsonInput
      label={label}
      description={description}
      value={text}
      error={wrong ? "This is no JSON" : undefined}
      autosize
      minRows={2}
      maxRows={10}
      spellCheck={false}
      className="tw-mono"
      onChange={(given) => {
        setText(given);
        const found = json(given);
        if (found !== undefined) set(found);
      }}
    />
  );
}
