/** Which stretch of time the page is about: presets by the calendar or two dates, in which zone, and beside what. */

import { Button, Divider, Group, NativeSelect, Popover, Stack, Switch, Text, TextInput } from "@mantine/core";
import { IconCalendar, IconChevronDown } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { dayOf, hourOf, RANGES, ZONE, zoneInWords, type Range } from "../time";
import { named } from "../zones";
import { useAddress, useSpan } from "./address";

export function RangePicker() {
  const [address, go] = useAddress();
  const [opened, setOpened] = useState(false);
  const { range, zone, since, until, backwards } = useSpan();
  const exact = (address.since?.length ?? 10) > 10 || (address.until?.length ?? 10) > 10;
  const label = backwards ? "Ends before it begins" : range === "custom" ? (exact ? `${hourOf(since, zone)} to ${hourOf(until, zone)}` : days(since, until - 1, zone)) : RANGES[range as Exclude<Range, "custom">];
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" trapFocus transitionProps={{ duration: 0 }} shadow="md">
      <Popover.Target>
        <Button
          variant="default"
          c={backwards ? "var(--tw-over)" : undefined}
          leftSection={<IconCalendar size={15} />}
          rightSection={<IconChevronDown size={14} />}
          onClick={() => setOpened((now) => !now)}
          aria-label={`Range: ${label} ${address.compare ? "vs before · " : ""}${zoneInWords(zone)}`}
        >
          <span>{`${label} `}</span>
          <span className="tw-range-zone">
            {address.compare ? "vs before · " : ""}
            {zoneInWords(zone)}
          </span>
        </Button>
      </Popover.Target>
      <Popover.Dropdown p="xs" aria-label="Range">{opened && <Choices close={() => setOpened(false)} go={go} address={address} range={range} zone={zone} />}</Popover.Dropdown>
    </Popover>
  );
}

interface ChoicesProps {
  close: () => void;
  go: ReturnType<typeof useAddress>[1];
  address: ReturnType<typeof useAddress>[0];
  range: Range;
  zone: string;
}

function Choices({ close, go, address, range, zone }: ChoicesProps) {
  const [since, setSince] = useState(address.since?.slice(0, 10) ?? "");
  const [until, setUntil] = useState(address.until?.slice(0, 10) ?? "");
  const zones = useMemo(() => [...new Set([ZONE, "UTC", zone, ...Intl.supportedValuesOf("timeZone").map(named).sort()])], [zone]);
  return (
    <Stack gap={2} w={270}>
      {Object.entries(RANGES).map(([name, words]) => (
        <Button
          key={name}
          variant={name === range ? "light" : "subtle"}
          color={name === range ? "accent" : "gray"}
          justify="start"
          aria-pressed={name === range}
          onClick={() => {
            go({ range: name, since: undefined, until: undefined });
            close();
          }}
          className="tw-menu-button"
        >
          {words}
        </Button>
      ))}
      <Divider my={4} />
      <Group gap={6} wrap="nowrap" align="end" grow>
        <TextInput type="date" size="xs" label="From" value={since} onChange={(event) => setSince(event.currentTarget.value)} />
        <TextInput type="date" size="xs" label="To, inclusive" value={until} onChange={(event) => setUntil(event.currentTarget.value)} error={!!until && until < since} />
      </Group>
      {!!until && until < since && (
        <Text size="xs" c="var(--tw-over)" role="alert">
          The last day is before the first, so there is nothing to show.
        </Text>
      )}
      <Button
        mt={6}
        disabled={!since || (!!until && until < since)}
        onClick={() => {
          go({ range: "custom", since, until: until || undefined });
          close();
        }}
      >
        Show these days
      </Button>
      <Divider my={6} />
      <Switch
        size="xs"
        label="Compare with the period before"
        checked={address.compare === "1"}
        onChange={(event) => go({ compare: event.currentTarget.checked ? "1" : undefined })}
      />
      <NativeSelect
        mt={6}
        size="xs"
        label="Days and times are those of"
        value={zone}
        data={zones.map((name) => ({ value: name, label: name === ZONE ? `${name} (yours)` : name }))}
        onChange={(event) => go({ zone: event.currentTarget.value === ZONE ? undefined : event.currentTarget.value })}
      />
    </Stack>
  );
}

/** "3 Nov to 9 Nov" */
function days(first: number, last: number, zone: string): string {
  const words = (at: number) => new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: zone }).format(at);
  return dayOf(first, zone) === dayOf(last, zone) ? words(first) : `${words(first)} to ${words(last)}`;
}
