/** What the explorer shows, as a file; and the ledger behind it. */

import { Button, Menu } from "@mantine/core";
import { IconChevronDown, IconDownload } from "@tabler/icons-react";
import { useWho } from "../api/session";
import type { Asked } from "../shell/address";

interface Props {
  asked: Asked;
  filters: Record<string, string | undefined>;
  by: string;
  metrics: string;
  grain: string;
}

const FOCUS = "1.2";

export function SpendExport({ asked, filters, by, metrics, grain }: Props) {
  const { may } = useWho();
  const analytics = (format: string, steps: string) => address("analytics", { ...filters, ...asked, by, metrics, grain: steps, limit: "1000", format });
  // The ledger knows no other calendar than instants, and no "is not".
  const positive = Object.fromEntries(Object.entries(filters).filter(([name]) => !name.endsWith("!") && name !== "status"));
  const entries = (format: string) => address("entries", { ...positive, since: asked.from, until: asked.to, format });
  const focus = (format: string) => address("focus", { from: asked.from, to: asked.to, version: FOCUS, format });
  return (
    <Menu position="bottom-end" transitionProps={{ duration: 0 }} shadow="md">
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={14} />} rightSection={<IconChevronDown size={14} />}>
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>This table</Menu.Label>
        <File href={analytics("csv", "none")} name="CSV" />
        <File href={analytics("parquet", "none")} name="Parquet" />
        <Menu.Label>Over time, in steps of a {grain}</Menu.Label>
        <File href={analytics("csv", grain)} name="CSV over time" />
        {may("ledger:read") && (
          <>
            <Menu.Label>Every charge of the range</Menu.Label>
            <File href={entries("csv")} name="Ledger entries, CSV" />
            <File href={entries("parquet")} name="Ledger entries, Parquet" />
            <File href={focus("csv")} name={`FOCUS ${FOCUS}, CSV`} />
            <File href={focus("parquet")} name={`FOCUS ${FOCUS}, Parquet`} />
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

function File({ href, name }: { href: string; name: string }) {
  return (
    <Menu.Item component="a" href={href} download>
      {name}
    </Menu.Item>
  );
}

function address(what: string, query: Record<string, string | undefined>): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => !!pair[1]);
  return `/api/v1/exports/${what}?${new URLSearchParams(given).toString()}`;
}
