/** What a route was, what it is, and the way back: each version against the one in force, deployed with a word why. */

import { Button, Group, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useApi, useChange, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { Chip } from "../pieces/chip";
import { Empty, Failed, Loading } from "../pieces/states";
import { instant } from "../time";
import { LineDiff } from "./line_diff";
import { json } from "./policy_form";
import type { Route } from "./routes";

type Version = Schemas["VersionShown"];

export function RouteVersions({ route }: { route: Route }) {
  const { may } = useWho();
  const [open, setOpen] = useState<string | null>(null);
  const versions = useApi("/api/v1/routes/{route_id}/versions", { path: { route_id: route.id } });
  if (versions.error) return <Failed error={versions.error} what="Versions cannot be shown" again={() => void versions.refetch()} />;
  if (!versions.data) return <Loading rows={4} />;
  if (versions.data.items.length === 0)
    return (
      <Empty title="It stands in the settings file alone">The first version is made when it is saved here; what the file had is then kept as one, too.</Empty>
    );
  const shown = versions.data.items.find((version) => version.version_id === open);
  return (
    <Stack>
      <Table aria-label="Versions" highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Saved</Table.Th>
            <Table.Th>By</Table.Th>
            <Table.Th>Why</Table.Th>
            <Table.Th>State</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {versions.data.items.map((version) => (
            <Table.Tr key={version.version_id} data-open={version.version_id === open || undefined}>
              <Table.Td className="tw-number">{instant(version.created_at)}</Table.Td>
              <Table.Td>{version.created_by}</Table.Td>
              <Table.Td>{version.comment ?? <Text span inherit c="dimmed">not said</Text>}</Table.Td>
              <Table.Td>
                {version.active === "true" ? (
                  <Chip tone="good">in force</Chip>
                ) : (
                  <Button variant="default" size="compact-xs" aria-expanded={version.version_id === open} onClick={() => setOpen(version.version_id === open ? null : version.version_id)}>
                    Compare
                  </Button>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {shown && <Compared key={shown.version_id} route={route} version={shown} writes={may("routes:write")} done={() => setOpen(null)} />}
    </Stack>
  );
}

function Compared({ route, version, writes, done }: { route: Route; version: Version; writes: boolean; done: () => void }) {
  const [why, setWhy] = useState("");
  const deploy = useChange("post", "/api/v1/routes/{route_id}/deployments");
  const put = () =>
    deploy.mutate(
      { path: { route_id: route.id }, body: { version_id: version.version_id, comment: why.trim() } },
      {
        onSuccess: () => {
          notifications.show({ message: `That version of ${route.name} is in force`, color: "teal" });
          done();
        },
      },
    );
  return (
    <section>
      <Title order={3} mb="xs">
        What would change{route.in_force ? "" : ": nothing is in force yet"}
      </Title>
      <LineDiff before={route.in_force ? route.elements : null} after={json(version.data)} none="It says the same as what is in force." />
      {deploy.error && <Failed error={deploy.error} what="It was not deployed" />}
      {writes && (
        <Group align="end" gap="xs" mt="sm">
          <TextInput label="Why it is put in force" value={why} onChange={(event) => setWhy(event.currentTarget.value)} flex={1} />
          <Button size="sm" disabled={!why.trim()} loading={deploy.isPending} onClick={put}>
            Put in force
          </Button>
        </Group>
      )}
    </section>
  );
}
