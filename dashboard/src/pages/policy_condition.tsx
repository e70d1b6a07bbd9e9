/** Where a policy counts: by choices, or as CEL; whichever is written, the other says the same as far as it can. */

import { ActionIcon, Button, Group, SegmentedControl, Select, Stack, TagsInput, Text, Textarea, TextInput } from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { cel, choices, LISTS, type Clause, type Operator } from "./policy_cel";
import "./policies.css";

const FIELDS = [
  { value: "cf.user.groups", label: "a group of theirs" },
  { value: "cf.user.email", label: "their e-mail address" },
  { value: "cf.user.id", label: "the person" },
  { value: "service", label: "the service" },
  { value: "key", label: "the key" },
  { value: "metadata.", label: "metadata …" },
  { value: "verified.metadata.", label: "proven metadata …" },
  { value: "cf.custom.", label: "a claim …" },
  { value: "cf.country", label: "the country" },
  { value: "gateway", label: "the gateway" },
];
const OF_LISTS: readonly Operator[] = ["is", "is not"];
const OF_TEXT: readonly Operator[] = ["is", "is not", "begins with", "ends with", "contains", "is set"];

interface Props {
  condition: string;
  setCondition: (condition: string) => void;
  disabled?: boolean;
  groups: readonly string[];
  /** What is wrong with it. */
  wrong?: string;
}

export function PolicyCondition({ condition, setCondition, disabled, groups, wrong }: Props) {
  const said = choices(condition);
  const [way, setWay] = useState<"choices" | "cel">(said ? "choices" : "cel");
  const clauses = said?.clauses ?? [];
  const put = (fresh: readonly Clause[], all = said?.all ?? true) => setCondition(cel({ clauses: fresh, all }));
  return (
    <Stack gap={6} role="group" aria-label="Where it counts">
      <Group justify="space-between">
        <Text size="sm" fw={600}>
          Where
        </Text>
        <SegmentedControl
          size="xs"
          aria-label="How the condition is written"
          data={[
            { value: "choices", label: "Choices", disabled: !said },
            { value: "cel", label: "CEL" },
          ]}
          value={way}
          onChange={(value) => setWay(value as "cel")}
        />
      </Group>
      {way === "choices" && said ? (
        <>
          {clauses.length === 0 && (
            <Text size="sm" c="dimmed">
              Always: it is about everybody.
            </Text>
          )}
          {clauses.length > 1 && (
            <SegmentedControl
              size="xs"
              aria-label="How many have to hold"
              data={[
                { value: "all", label: "All of these hold" },
                { value: "any", label: "Any of these holds" },
              ]}
              value={said.all ? "all" : "any"}
              onChange={(value) => put(clauses, value === "all")}
              disabled={disabled}
            />
          )}
          {clauses.map((clause, place) => (
            <Line
              key={place}
              clause={clause}
              groups={groups}
              disabled={disabled}
              change={(fresh) => put(clauses.map((one, other) => (other === place ? fresh : one)))}
              remove={() => put(clauses.filter((_, other) => other !== place))}
            />
          ))}
          <Group>
            <Button variant="default" leftSection={<IconPlus size={14} />} disabled={disabled} onClick={() => put([...clauses, { field: "cf.user.groups", operator: "is", values: ["group"] }])}>
              {clauses.length === 0 ? "Only where …" : "And where …"}
            </Button>
          </Group>
          <Text size="xs" c="dimmed" component="div">
            <span className="tw-inline-code">{condition}</span>
          </Text>
          {wrong && (
            <Text size="xs" c="var(--tw-over)">
              {wrong}
            </Text>
          )}
        </>
      ) : (
        <Textarea
          label="Where, in CEL"
          description={'"engineering" in cf.user.groups · cf.user.email.endsWith("@example.com") · metadata.team == "ml"'}
          value={condition}
          onChange={(event) => setCondition(event.currentTarget.value)}
          error={wrong}
          autosize
          minRows={2}
          spellCheck={false}
          disabled={disabled}
          className="tw-mono"
        />
      )}
    </Stack>
  );
}

interface LineProps {
  clause: Clause;
  change: (clause: Clause) => void;
  remove: () => void;
  disabled?: boolean;
  groups: readonly string[];
}

function Line({ clause, change, remove, disabled, groups }: LineProps) {
  const open = FIELDS.find((one) => one.value.endsWith(".") && clause.field.startsWith(one.value));
  const known = open ?? FIELDS.find((one) => one.value === clause.field);
  const list = LISTS.includes(clause.field);
  return (
    <div className="tw-clause">
      <Stack gap={4}>
        <Select
          size="xs"
          aria-label="Field"
          disabled={disabled}
          data={known ? FIELDS : [...FIELDS, { value: clause.field, label: clause.field }]}
          value={known?.value ?? clause.field}
          onChange={(field) => {
            const name = field ?? "cf.user.groups";
            change({
              field: name.endsWith(".") ? `${name}team` : name,
              operator: LISTS.includes(name) && !OF_LISTS.includes(clause.operator) ? "is" : clause.operator,
              values: clause.values.length ? clause.values : ["…"],
            });
          }}
        />
        {open && (
          <TextInput
            size="xs"
            aria-label="Name of the field"
            disabled={disabled}
            value={clause.field.slice(open.value.length)}
            onChange={(event) => change({ ...clause, field: `${open.value}${event.currentTarget.value || "team"}` })}
          />
        )}
      </Stack>
      <Select
        size="xs"
        aria-label="How it is compared"
        disabled={disabled}
        data={(list ? OF_LISTS : OF_TEXT).map((value) => ({ value, label: list && value === "is" ? "is one of" : list ? "is none of" : value }))}
        value={clause.operator}
        onChange={(operator) => {
          const chosen = (operator ?? "is") as Operator;
          change({ ...clause, operator: chosen, values: chosen === "is set" ? [] : clause.values.length ? clause.values : ["…"] });
        }}
      />
      {clause.operator === "is set" ? (
        <span />
      ) : (
        <TagsInput
          size="xs"
          aria-label="Values"
          disabled={disabled}
          data={list ? [...groups] : []}
          value={[...clause.values]}
          placeholder={clause.values.length ? undefined : "value, Enter"}
          // A comparison with nothing is none: the last value stays until there is another.
          onChange={(values) => values.length > 0 && change({ ...clause, values: values.length > 1 ? values.filter((value) => value !== "…" && (value !== "group" || clause.values.length > 1)) : values })}
        />
      )}
      <ActionIcon variant="subtle" color="gray" aria-label="Take this out" disabled={disabled} onClick={remove}>
        <IconX size={15} />
      </ActionIcon>
    </div>
  );
}
