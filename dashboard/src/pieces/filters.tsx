/** Filters as words that can be taken away one by one; they live in the address. */

import { ActionIcon, Button, Group, Popover, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconFilter, IconX } from "@tabler/icons-react";
import { useState, type FormEvent } from "react";
import { useAddress } from "../shell/address";

export const FIELDS = ["user", "model", "provider", "key", "service", "group"] as const;

interface Props {
  /** Fields beyond those of every listing. */
  more?: readonly string[];
}

/** The filters of the address, as the API takes them. */
export function useFilters(more: readonly string[] = []): Record<string, string | undefined> {
  const [address] = useAddress();
  const found: Record<string, string | undefined> = { gateway: address.gateway };
  for (const [name, value] of Object.entries(address))
    if ([...FIELDS, ...more].includes(name) || name.startsWith("metadata.")) found[name] = value;
  return found;
}

export function Filters({ more = [] }: Props) {
  const [, go] = useAddress();
  const [opened, setOpened] = useState(false);
  const [field, setField] = useState<string>("user");
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  const filters = Object.entries(useFilters(more)).filter(([name, value]) => name !== "gateway" && value !== undefined);
  const add = (event: FormEvent) => {
    event.preventDefault();
    if (!value.trim()) return;
    go({ [field === "metadata" ? `metadata.${key.trim()}` : field]: value.trim() });
    setValue("");
    setOpened(false);
  };
  return (
    <Group gap={6} role="group" aria-label="Filters">
      {filters.map(([name, value]) => (
        <span key={name} className="tw-filter">
          <Text span inherit c="dimmed">
            {name}
          </Text>{" "}
          is <b>{value}</b>
          <ActionIcon size={16} variant="transparent" color="gray" aria-label={`Remove the filter ${name}`} onClick={() => go({ [name]: undefined })}>
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
        <Popover.Dropdown aria-label="Add a filter">
          <form onSubmit={add}>
            <Stack gap="xs" w={240}>
              <Select
                label="Field"
                data={[...FIELDS, ...more, "metadata"]}
                value={field}
                onChange={(chosen) => setField(chosen ?? "user")}
                comboboxProps={{ withinPortal: false }}
              />
              {field === "metadata" && <TextInput label="Key" value={key} onChange={(event) => setKey(event.currentTarget.value)} required />}
              <TextInput label="Is" value={value} onChange={(event) => setValue(event.currentTarget.value)} required />
              <Button type="submit">Add</Button>
            </Stack>
          </form>
        </Popover.Dropdown>
      </Popover>
    </Group>
  );
}
