/** A policy as a sentence: who, with which models, where, and what then; its condition by choices or as CEL. What the API
 * refuses is shown with the place in the expression. */

import { Autocomplete, Button, Code, Collapse, Group, JsonInput, SegmentedControl, Select, Stack, Switch, TagsInput, Text, TextInput, UnstyledButton } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useApi, useChange } from "../api/client";
import { useWho } from "../api/session";
import { Failed } from "../pieces/states";
import { useUnsaved } from "../pieces/unsaved";
import { listed } from "./alert_words";
import { usePolicyCheck } from "./policy_check";
import { PolicyCondition } from "./policy_condition";
import { PolicyConfirm } from "./policy_confirm";
import { nameTaken } from "./policy_wrong";
import type { Policy } from "./policies";

interface Props {
  policy?: Policy;
  close: () => void;
}

const ACTORS = ["everyone", "user:{cf.user.id}", "service:{service}", "key:{key}", "team:{metadata.team}"];

export function PolicyForm({ policy, close }: Props) {
  const { may } = useWho();
  const action = policy?.action ?? {};
  const [name, setName] = useState(policy?.name ?? "");
  const [actor, setActor] = useState(policy?.actor ?? "everyone");
  const [condition, setCondition] = useState(policy?.condition ?? "true");
  const [resource, setResource] = useState(JSON.stringify(policy?.resource ?? "*"));
  const [type, setType] = useState(String(action.type ?? "no-limit"));
  const [amount, setAmount] = useState(String(action.amount ?? ""));
  const [period, setPeriod] = useState(String(action.period ?? "monthly"));
  const [except, setExcept] = useState(action.except === true);
  const [enabled, setEnabled] = useState(policy?.enabled ?? true);
  const [showing, setShowing] = useState(false);
  const make = useChange("post", "/api/v1/policies");
  const change = useChange("put", "/api/v1/policies/{policy_id}");
  const writes = may("policies:write");
  const groups = useApi("/api/v1/analytics", { query: { by: "group", metrics: "requests", limit: 50 } }, { enabled: may("analytics:read") });
  const parsed = json(resource);
  const body = {
    name: name.trim(),
    actor: actor.trim(),
    condition,
    resource: parsed,
    enabled,
    ...(policy?.gateway ? { gateway: policy.gateway } : {}),
    action: type === "limit" ? { ...kept(action, type), type, amount, period } : type === "block" ? { ...kept(action, type), type, ...(except ? { except } : {}) } : { type },
  };
  const [asking, setAsking] = useState(false);
  // As it was when it was opened.
  const typed = JSON.stringify(body);
  const [begun] = useState(typed);
  const { question, saved } = useUnsaved(writes && typed !== begun);
  const save = (commit: boolean) => {
    const options = {
      onSuccess: (done: { warnings: string[] }) => {
        notifications.show({
          title: commit ? `${body.name} is in force` : `${body.name} is kept as a draft`,
          message: done.warnings.join(" "),
          color: done.warnings.length > 0 ? "yellow" : "teal",
        });
        saved();
        close();
      },
    };
    if (policy) change.mutate({ path: { policy_id: policy.id }, query: { commit }, body }, options);
    else make.mutate({ query: { commit }, body }, options);
  };
  const error = make.error ?? change.error;
  const there = useApi("/api/v1/policies", { query: { includeStaging: true } });
  const taken = policy || make.isPending || make.isSuccess ? null : nameTaken(name, there.data?.items ?? []);
  const unfinished = [name.trim() === "" && "a name", taken && "another name", parsed === undefined && "models as JSON", type === "limit" && amount === "" && "an amount"].filter((one): one is string => typeof one === "string");
  // What is missing is named already; the rest is judged without it.
  const whole = { ...body, name: body.name || "this one", resource: parsed ?? "*", action: type === "limit" && amount === "" ? { type: "no-limit" } : body.action };
  const wrong = usePolicyCheck({ ...whole, ...(policy ? { id: policy.id } : {}) }, writes);
  const ready = unfinished.length === 0 && !wrong;
  return (
    <Stack gap="md">
      {question}
      {asking && (
        <PolicyConfirm
          name={body.name}
          policy={{ ...body, ...(policy ? { id: policy.id } : {}) }}
          gateway={policy?.gateway ?? null}
          close={() => setAsking(false)}
          confirm={() => save(true)}
          pending={make.isPending || change.isPending}
          error={error}
        />
      )}
      <TextInput label="Name" value={name} onChange={(event) => setName(event.currentTarget.value)} error={taken} disabled={!writes} required />
      <PolicyCondition
        condition={condition}
        setCondition={setCondition}
        disabled={!writes}
        wrong={wrong?.field === "condition" ? wrong.said : undefined}
        groups={(groups.data?.groups ?? []).map((each) => each.group.group).filter((group): group is string => !!group)}
      />
      <Resource text={resource} setText={setResource} disabled={!writes} />
      <Group grow align="end">
        <Select
          label="Does"
          data={[
            { value: "no-limit", label: "permit, without a limit" },
            { value: "limit", label: "permit up to an amount" },
            { value: "block", label: "block" },
          ]}
          value={type}
          onChange={(value) => setType(value ?? "no-limit")}
          disabled={!writes}
        />
        {type === "limit" && (
          <>
            <TextInput label="US dollars" inputMode="decimal" value={amount} onChange={(event) => setAmount(event.currentTarget.value)} disabled={!writes} />
            <Select
              label="Period"
              data={[...new Set(["hourly", "daily", "weekly", "monthly", period])]}
              value={period}
              onChange={(value) => setPeriod(value ?? "monthly")}
              disabled={!writes}
            />
          </>
        )}
      </Group>
      {type === "block" && (
        <Switch label="Everything but these models" checked={except} onChange={(event) => setExcept(event.currentTarget.checked)} disabled={!writes} />
      )}
      <Autocomplete
        label="Counted for"
        description="everyone: one bucket; user:{cf.user.id}: one for each person"
        data={ACTORS}
        // All of them, whatever is written: they are there to be chosen from.
        filter={({ options }) => options}
        value={actor}
        onChange={setActor}
        disabled={!writes}
      />
      <Switch label="In use" checked={enabled} onChange={(event) => setEnabled(event.currentTarget.checked)} disabled={!writes} />
      <Text size="sm" c="dimmed" role="note">
        {wrong?.field === "condition" ? "It is about nobody yet: where it counts cannot be read." : sentence(body, amount)}
      </Text>
      {error && !asking && <Failed error={error} what="The policy was not saved" />}
      {writes ? (
        <Group gap="xs">
          <Button variant="default" disabled={!ready} onClick={() => save(false)} loading={make.isPending || change.isPending}>
            Keep as a draft
          </Button>
          <Button disabled={!ready} onClick={() => setAsking(true)} loading={make.isPending || change.isPending}>
            Put in force
          </Button>
          {!ready && (
            <Text size="xs" c="dimmed" flex={1}>
              {unfinished.length > 0 ? `It needs ${listed(unfinished)}.` : wrong?.field === "condition" ? "Where it counts is not right yet." : wrong?.said}
            </Text>
          )}
        </Group>
      ) : (
        <Text size="xs" c="dimmed">
          Your role may see policies, and not change them.
        </Text>
      )}
      <div>
        <UnstyledButton fz="xs" className="tw-link" aria-expanded={showing} onClick={() => setShowing(!showing)}>
          The same by the API: {policy ? `PUT /api/v1/policies/${policy.id}` : "POST /api/v1/policies"}
        </UnstyledButton>
        <Collapse expanded={showing} transitionDuration={0}>
          <Code block className="tw-code" tabIndex={0} mt={4}>
            {JSON.stringify(body, null, 1)}
          </Code>
        </Collapse>
      </div>
    </Stack>
  );
}

/** What an action says besides what this form asks: `guarantee`, `timezone`. */
function kept(action: Record<string, unknown>, type: string): Record<string, unknown> {
  if (action.type !== type) return {};
  const { type: _, amount, period, except, ...others } = action;
  return others;
}

function sentence(body: { condition: string; actor: string; enabled: boolean; action: Record<string, unknown> }, amount: string): string {
  const who = body.condition.trim() === "true" ? "Everybody" : "Whoever this holds of";
  if (body.action.type === "block") return `${who} is refused ${body.action.except ? "every other model" : "these models"}, and nothing overrides that.`;
  if (body.action.type === "no-limit") return `${who} may use these models, without a limit.`;
  const each = body.actor.includes("{") ? `, each ${/\{(?:\w+\.)*(\w+)\}/.exec(body.actor)?.[1] ?? "one"} apart` : ", all together";
  return `${who} may use these models for up to $${amount || "…"} ${String(body.action.period)}${each}. Of several limits in one bucket the highest counts.`;
}

/** All models, some of them, or some providers; anything else as JSON. */
function Resource({ text, setText, disabled }: { text: string; setText: (text: string) => void; disabled: boolean }) {
  const parsed = json(text);
  const simple = simply(parsed);
  const [way, setWay] = useState<Way>(simple?.way ?? "json");
  const put = (chosen: Way, values: readonly string[]) => {
    setWay(chosen);
    if (chosen === "all") setText('"*"');
    else if (chosen !== "json") setText(JSON.stringify({ [chosen]: values }));
  };
  const values = simple?.way === way ? simple.values : [];
  return (
    <Stack gap={6} role="group" aria-label="With which models">
      <Group justify="space-between">
        <Text size="sm" fw={600}>
          With
        </Text>
        <SegmentedControl
          size="xs"
          aria-label="Which models"
          disabled={disabled}
          data={[
            { value: "all", label: "All models" },
            { value: "model", label: "Models" },
            { value: "provider", label: "Providers" },
            { value: "json", label: "JSON" },
          ]}
          value={way}
          onChange={(value) => put(value as Way, simple?.way === value ? simple.values : [])}
        />
      </Group>
      {way === "model" || way === "provider" ? (
        <TagsInput
          aria-label={way === "model" ? "Models" : "Providers"}
          description={way === "model" ? "By name, * for a part of it: openai/gpt-5*, *claude-opus-*" : "By their names in the settings: openai, anthropic"}
          placeholder="name, Enter"
          disabled={disabled}
          acceptValueOnBlur
          value={[...values]}
          onChange={(given) => put(way, given)}
          error={values.length === 0 ? "Name at least one" : undefined}
        />
      ) : way === "json" ? (
        <JsonInput
          label="With which models, as JSON"
          description={'"*" for all, {"model": ["*claude-opus-*"]}, {"provider": "openai"}'}
          value={text}
          onChange={setText}
          error={parsed === undefined ? "This is no JSON" : undefined}
          autosize
          minRows={1}
          spellCheck={false}
          disabled={disabled}
          className="tw-mono"
        />
      ) : null}
    </Stack>
  );
}

type Way = "all" | "model" | "provider" | "json";

function simply(resource: unknown): { way: Way; values: string[] } | null {
  if (resource === "*") return { way: "all", values: [] };
  if (typeof resource !== "object" || resource === null || Array.isArray(resource)) return null;
  const [name, ...others] = Object.keys(resource);
  if (others.length > 0 || (name !== "model" && name !== "provider")) return null;
  const given = (resource as Record<string, unknown>)[name];
  const values = ([] as unknown[]).concat(given);
  return values.every((one) => typeof one === "string") ? { way: name, values: values as string[] } : null;
}

/** `undefined` for what is no JSON. */
export function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
