/** What is in force, and where does it come from? */

import { SegmentedControl, Select, Text } from "@mantine/core";
import { useApi, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { Chip } from "../pieces/chip";
import { Dim } from "../pieces/dim";
import { Page, Panel } from "../pieces/page";
import { Failed, Loading } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { useAddress } from "../shell/address";
import { Document } from "./settings_document";
import { ExportJobs } from "./settings_exports";
import { GatewayForm } from "./settings_gateway";
import "./settings.css";

export function Settings() {
  const { may } = useWho();
  const [address, go] = useAddress();
  const tabs = [
    { value: "gateways", label: "Gateways" },
    { value: "exports", label: "Exports" },
    ...(may("document:read") ? [{ value: "document", label: "All settings" }] : []),
    { value: "process", label: "Process" },
  ];
  const tab = tabs.some(({ value }) => value === address.tab) ? address.tab : "gateways";
  return (
    <Page title="Settings" question="How the gateway is set, and where each choice comes from.">
      <div className="tw-scroll-x">
        <SegmentedControl
          size="xs"
          mb="md"
          aria-label="Part of the settings"
          data={tabs}
          value={tab}
          onChange={(value) => go({ tab: value === "gateways" ? undefined : value, open: undefined })}
        />
      </div>
      {tab === "gateways" ? <Gateways /> : tab === "exports" ? <ExportJobs /> : tab === "document" ? <Document /> : <Process />}
    </Page>
  );
}

function Gateways() {
  const [address, go] = useAddress();
  const gateways = useApi("/api/v1/gateways");
  if (gateways.error) return <Failed error={gateways.error} what="Gateways cannot be shown" again={() => void gateways.refetch()} />;
  if (!gateways.data) return <Loading rows={8} />;
  const items = gateways.data.items;
  const chosen = items.find(({ slug }) => slug === address.open) ?? items.find(({ slug }) => slug === address.gateway) ?? items[0];
  if (!chosen) return null;
  return (
    <div className="tw-stack">
      {items.length > 1 && (
        <Select
          label="Gateway"
          maw={280}
          allowDeselect={false}
          data={items.map(({ slug }) => slug)}
          value={chosen.slug}
          onChange={(slug) => go({ open: slug ?? undefined })}
        />
      )}
      <GatewayForm key={`${chosen.slug} ${gateways.data.revision}`} gateway={chosen} fields={gateways.data.fields} revision={gateways.data.revision} />
    </div>
  );
}

type Setting = Schemas["ProcessSetting"];
const SOURCES = { option: "command line", environment: "environment", default: "default", unknown: "not known" } as const;

function Process() {
  const settings = useApi("/api/v1/settings");
  if (settings.error) return <Failed error={settings.error} what="Process settings cannot be shown" again={() => void settings.refetch()} />;
  if (!settings.data) return <Loading rows={10} />;
  return (
    <Panel
      title="Of the process"
      flush
      hint={
        <>
          read at the start; to change one, start it anew. Settings file: <span className="tw-inline-code">{settings.data.path ?? "none"}</span>, revision {settings.data.revision}
        </>
      }
    >
      <DataTable fixed label="Process settings" columns={PROCESS} rows={settings.data.process} keyOf={(row) => row.name} />
    </Panel>
  );
}

/** Only what is counted has a unit: an address, a folder or a port is seen to be one. */
function hasUnit({ value, unit }: Setting): boolean {
  return /^\d+$/.test(value ?? "") && unit !== "port";
}

const PROCESS: readonly Column<Setting>[] = [
  {
    id: "name",
    head: "Setting",
    cell: (row) => (
      <>
        <Text size="sm" fw={600}>
          {row.name.replaceAll("_", " ")}
        </Text>
        <Text size="xs" c="dimmed" maw={520}>
          {row.help}
        </Text>
      </>
    ),
  },
  {
    id: "value",
    head: "Value",
    cell: (row) =>
      row.value === null ? (
        <Dim>not known</Dim>
      ) : row.value === "" ? (
        <Dim>empty</Dim>
      ) : (
        <>
          <span className="tw-inline-code">{row.value}</span>{" "}
          {hasUnit(row) && (
            <Text span size="xs" c="dimmed">
              {row.unit}
            </Text>
          )}
        </>
      ),
  },
  { id: "source", head: "Comes from", cell: (row) => (row.source === "default" ? <Dim>default</Dim> : <Chip tone={row.source === "unknown" ? "dim" : "good"}>{SOURCES[row.source]}</Chip>) },
  {
    id: "how",
    head: "Set by",
    cell: (row) => (
      <>
        <span className="tw-inline-code">{row.option}</span> <span className="tw-inline-code">{row.environment}</span>
      </>
    ),
  },
];
