/** A policy, with its condition as CEL; what the API refuses is shown with the place in the expression. */

import { Button, Group, JsonInput, Select, Stack, Switch, Text, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useChange } from "../api/client";
import { useWho } from "../api/session";
import { Failed } from "../pieces/states";
import type { Policy } from "./policies";

interface Props {
  policy?: Policy;
  close: () => void;
}

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
  const make = useChange("post", "/api/v1/policies");
  const change = useChange("put", "/api/v1/policies/{policy_id}");
  const writes = may("policies:write");
  const parsed = json(resource);
  const save = (commit: boolean) => {
    const body = {
      name: name.trim(),
      actor: actor.trim(),
      condition,
      resource: parsed,
      enabled,
      action: type === "limit" ? { type, amount, period } : type === "block" ? { type, ...(except ? { except } : {}) } : { type },
    };
    const options = {
      onSuccess: (done: { warnings: string[] }) => {
        notifications.show({
          title: commit ? `${body.name} is in force` : `${body.name} is kept as a draft`,
          message: done.warnings.join(" "),
          color: done.warnings.length > 0 ? "yellow" : "teal",
        });
        close();
      },
    };
    if (policy) change.mutate({ path: { policy_id: policy.id }, query: { commit }, body }, options);
    else make.mutate({ query: { commit }, body }, options);
  };
  const error = make.error ?? change.error;
  return (
    <Stack gap="sm">
      <TextInput label="Name" value={name} onChange={(event) => setName(event.currentTarget.value)} disabled={!writes} required />
      <Textarea
        label="Where, in CEL"
        description={'"engineering" in cf.user.groups · cf.user.email.endsWith("@example.com") · metadata.team == "ml"'}
        value={condition}
        onChange={(event) => setCondition(event.currentTarget.value)}
        autosize
        minRows={2}
        spellCheck={false}
        disabled={!writes}
        className="tw-mono"
      />
      <JsonInput
        label="With which models, as JSON"
        description={'"*" for all, {"model": ["*claude-opus-*"]}, {"provider": "openai"}'}
        value={resource}
        onChange={setResource}
        error={parsed === undefined ? "This is no JSON" : undefined}
        autosize
        minRows={1}
        spellCheck={false}
        disabled={!writes}
        className="tw-mono"
      />
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
            <TextInput label="Period" value={period} onChange={(event) => setPeriod(event.currentTarget.value)} disabled={!writes} />
          </>
        )}
      </Group>
      {type === "block" && (
        <Switch label="Everything but these models" checked={except} onChange={(event) => setExcept(event.currentTarget.checked)} disabled={!writes} />
      )}
      <TextInput
        label="Counted for"
        description="everyone: one bucket; user:{cf.user.id}: one for each person"
        value={actor}
        onChange={(event) => setActor(event.currentTarget.value)}
        disabled={!writes}
      />
      <Switch label="In use" checked={enabled} onChange={(event) => setEnabled(event.currentTarget.checked)} disabled={!writes} />
      {error && <Failed error={error} what="The policy was not saved" />}
      {writes ? (
        <Group gap="xs">
          <Button variant="default" disabled={!name || parsed === undefined} onClick={() => save(false)} loading={make.isPending || change.isPending}>
            Keep as a draft
          </Button>
          <Button disabled={!name || parsed === undefined} onClick={() => save(true)} loading={make.isPending || change.isPending}>
            Put in force
          </Button>
        </Group>
      ) : (
        <Text size="xs" c="dimmed">
          Your role may see policies, and not change them.
        </Text>
      )}
    </Stack>
  );
}

/** `undefined` for what is no JSON. */
export function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
