/** Which stretch of time the page is about: presets by the calendar, or two dates. */

import { Button, Divider, Group, Popover, Stack, Text, TextInput } from "@mantine/core";
import { IconCalendar, IconChevronDown } from "@tabler/icons-react";
import { useState } from "react";
import { RANGES, ZONE, type Range } from "../time";
import { useAddress } from "./address";

export function RangePicker() {
  const [address, go] = useAddress();
  const [opened, setOpened] = useState(false);
  const [since, setSince] = useState(address.since ?? "");
  const [until, setUntil] = useState(address.until ?? "");
  const range = (address.range ?? "month") as Range;
  const label = range === "custom" ? `${address.since ?? "?"} to ${address.until ?? "now"}` : (RANGES[range] ?? RANGES.month);
  const choose = (name: string) => {
    go({ range: name, since: undefined, until: undefined });
    setOpened(false);
  };
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" trapFocus transitionProps={{ duration: 0 }} shadow="md">
      <Popover.Target>
        <Button
          variant="default"
          leftSection={<IconCalendar size={15} />}
          rightSection={<IconChevronDown size={14} />}
          onClick={() => setOpened((now) => !now)}
          aria-label={`Range: ${label}, times in ${ZONE}`}
        >
          {label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown p="xs" aria-label="Range">
        <Stack gap={2}>
          {Object.entries(RANGES).map(([name, words]) => (
            <Button
              key={name}
              variant={name === range ? "light" : "subtle"}
              color={name === range ? "accent" : "gray"}
              justify="start"
              onClick={() => choose(name)}
              className="tw-menu-button"
            >
              {words}
            </Button>
          ))}
          <Divider my={4} />
          <Group gap={6} wrap="nowrap" align="end">
            <TextInput type="date" size="xs" label="From" value={since} onChange={(event) => setSince(event.currentTarget.value)} />
            <TextInput type="date" size="xs" label="To, inclusive" value={until} onChange={(event) => setUntil(event.currentTarget.value)} />
          </Group>
          <Button
            disabled={!since || (!!until && until < since)}
            onClick={() => {
              go({ range: "custom", since, until: until || undefined });
              setOpened(false);
            }}
          >
            Show these days
          </Button>
          <Text size="xs" c="dimmed" mt={4}>
            Days and times are those of {ZONE}.
          </Text>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
