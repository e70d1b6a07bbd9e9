/** What is behind a name that callers use in place of a model? */

import { Button, Drawer, Group, Text } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useApi, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { Chip } from "../pieces/chip";
import { Page, Panel } from "../pieces/page";
import { Empty, Failed, Loading, NotThere } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { useAddress } from "../shell/address";
import { instant } from "../time";
import { RouteNew, RoutePanel } from "./route_panel";

export type Route = Schemas["RouteShown"];

export function Routes() {
  const [address, go] = useAddress();
  const { may } = useWho();
  const routes = useApi("/api/v1/routes", { query: { gateway: address.gateway || undefined } });
  const opened = routes.data?.items.find((route) => route.id === address.open);
  return (
    <Page
      title="Routes"
      question="What answers to a name, whom, and what happens when it fails?"
      actions={
        may("routes:write") && (
          <Button leftSection={<IconPlus size={14} />} onClick={() => go({ open: "new" })}>
            New route
          </Button>
        )
      }
    >
      {routes.data && address.open && address.open !== "new" && !opened && <NotThere what={`route “${address.open}”`} close={() => go({ open: undefined, tab: undefined })} />}
      <Panel title="Routes" flush>
        {routes.error ? (
          <Failed error={routes.error} what="Routes cannot be shown" again={() => void routes.refetch()} />
        ) : !routes.data ? (
          <Group p="md">
            <Loading rows={5} />
          </Group>
        ) : routes.data.items.length === 0 ? (
          <Empty title="There is no route yet">
            A route is a name such as <code className="tw-inline-code">dynamic/support</code> that callers use in place of a model. What is behind it is
            yours to change.
          </Empty>
        ) : (
          <DataTable
            label="Routes"
            columns={COLUMNS}
            rows={routes.data.items}
            keyOf={(route) => route.id}
            open={(route) => go({ open: route.id })}
            isOpen={(route) => route.id === address.open}
          />
        )}
      </Panel>
      <Drawer
        opened={!!opened || address.open === "new"}
        onClose={() => go({ open: undefined, tab: undefined })}
        position="right"
        size={1180}
        title={opened?.name ?? "New route"}
        closeButtonProps={{ "aria-label": "Close the route" }}
      >
        {opened ? <RoutePanel key={opened.id} route={opened} gone={() => go({ open: undefined, tab: undefined })} /> : address.open === "new" ? <RouteNew made={(id) => go({ open: id }, true)} /> : null}
      </Drawer>
    </Page>
  );
}

const COLUMNS: readonly Column<Route>[] = [
  {
    id: "name",
    head: "Name",
    by: (route) => route.name,
    cell: (route) => (
      <div>
        <Text size="sm" fw={600}>
          {route.name}
        </Text>
        <span className="tw-inline-code">{route.model}</span>
      </div>
    ),
  },
  { id: "gateway", head: "Gateway", by: (route) => route.gateway_id, cell: (route) => route.gateway_id ?? "every gateway" },
  {
    id: "state",
    head: "State",
    cell: (route) =>
      !route.in_force ? <Chip tone="near">draft</Chip> : route.enabled ? <Chip tone="good">in force</Chip> : <Chip tone="dim">off</Chip>,
  },
  { id: "elements", head: "Elements", number: true, by: (route) => route.elements.length, cell: (route) => route.elements.length },
  {
    id: "deployed",
    head: "Deployed",
    cell: (route) =>
      route.edited ? "in the settings file" : route.deployment ? `${instant(route.deployment.created_at)} by ${route.deployment.created_by}` : "never",
  },
];
