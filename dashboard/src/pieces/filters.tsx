/** Filters as words that can be taken away one by one; they live in the address. */

import { ActionIcon, Autocomplete, Button, Group, NativeSelect, Popover, Stack, Text } from "@mantine/core";
import { IconFilter, IconX } from "@tabler/icons-react";
import { useState, type FormEvent } from "react";
import { useAddress } from "../shell/address";
import { cut, plain } from "./plain";
import { Said } from "./said";
import { useMetadataKeys, useValues } from "./values";

export const FIELDS = ["user", "model", "provider", "key", "service", "group"] as const;

interface Props {
  /** Fields beyond those of every listing. */
  more?: readonly string[];
  /** Whether the listing takes "is not", as analytics does. */
  negatable?: boolean;
}

/** The filters of the address, as the API takes them: `user`, and `user!` for all others. */
export function useFilters(more: readonly string[] = [], negatable = false): Record<string, string | undefined> {
  const [address] = useAddress();
  const found: Record<string, string | undefined> = { gateway: address.gateway };
  for (const [name, value] of Object.entries(address)) {
    const field = negatable && name.endsWith("!") ? name.slice(0, -1) : name;
    if ([...FIELDS, ...more].includes(field) || (field.startsWith("metadata.") && !field.endsWith("!"))) found[name] = value;
  }
  return found;
}

export function Filters({ more = [], negatable = false }: Props) {
  const [, go] = useAddress();
  const [opened, setOpened] = useState(false);
  const filters = Object.entries(useFilters(more, negatable)).filter(([name, value]) => value !== undefined && (name !== "gateway" || value === ""));
  return (
    <Group gap={6} role="group" aria-label="Filters">
      {filters.map(([name, value]) => (
        <span key={name} className="tw-filter">
          <Text span inherit c="dimmed">
            <Said text={name.replace("!", "")} />
          </Text>{" "}
          {name.endsWith("!") ? "is not" : "is"} <b>{value ? <Said text={value} /> : "none"}</b>
          <ActionIcon
            size={16}
            variant="transparent"
            color="gray"
            aria-label={`Remove the filter ${plain(cut(name.replace("!", " is not"), 120))}`}
            onClick={() => go({ [name]: undefined })}
          >
            <IconX size={13} />
          </ActionIcon>
        </span>
      ))}
      <Popover opened={opened} onChange={setOpened} position="bottom-start" trapFocus transitionProps={{ duration: 0 }} shadow="md">
        <Popover.Target>
          <Button variant="default" leftSection={<IconFilter size={14} />} onClick={() => setOpened(!opened)}>
            Filter
          </Button>
        </Popover.Target>
        <Popover.Dropdown aria-label="Add a filter">{opened && <Adding more={more} negatable={negatable} done={() => setOpened(false)} />}</Popover.Dropdown>
      </Popover>
    </Group>
  );
}

function Adding({ more = [], negatable, done }: Props & { done: () => void }) {
  const [, go] = useAddress();
  const [field, setField] = useState<string>("user");
  const [not, setNot] = useState(false);
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  const keys = useMetadataKeys();
  const name = field === "metadata" ? `metadata.${key.trim()}` : field;
  // The log has statuses one by one, and analytics by their first digit.
  const values = useValues(name, negatable || field !== "status");
  const add = (event: FormEvent) => {
    event.preventDefault();
    if (!value.trim() || name === "metadata.") return;
    go({ [`${name}${not ? "!" : ""}`]: value.trim() });
    done();
  };
  return (
    <form onSubmit={add}>
      <Stack gap="xs" w={260}>
        <NativeSelect label="Field" data={[...FIELDS, ...more, "metadata"]} value={field} onChange={(event) => setField(event.currentTarget.value)} />
        {field === "metadata" && (
          <Autocomplete size="sm" label="Key" data={keys} value={key} onChange={setKey} comboboxProps={{ withinPortal: false }} placeholder={keys[0] ?? "team"} />
        )}
        {negatable && (
          <NativeSelect
            label="Condition"
            data={[
              { value: "", label: "is" },
              { value: "not", label: "is not" },
            ]}
            value={not ? "not" : ""}
            onChange={(event) => setNot(event.currentTarget.value === "not")}
          />
        )}
        <Autocomplete
          size="sm"
          label={not ? "Is not" : "Is"}
          // What is written out already needs no completion, which would lie over the button.
          data={[...new Set(values)].filter((each) => each !== value)}
          limit={8}
          value={value}
          onChange={setValue}
          comboboxProps={{ withinPortal: false, transitionProps: { duration: 0 } }}
          description={field === "model" ? "A star at the end stands for anything: gpt-5*" : undefined}
        />
        <Button type="submit" disabled={!value.trim() || name === "metadata."}>
          Add
        </Button>
      </Stack>
    </form>
  );
}
