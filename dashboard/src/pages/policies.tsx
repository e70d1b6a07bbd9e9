/** Who may use which model? */

import { Alert, Button, Drawer, Group, Modal, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { useApi, useChange, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { Chip } from "../pieces/chip";
import { Page, Panel } from "../pieces/page";
import { Empty, Failed, Loading, NotThere } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { useAddress } from "../shell/address";
import "./caution.css";
import { PolicyForm } from "./policy_form";
import { PolicyMatrix } from "./policy_matrix";
import { PolicyTest } from "./policy_test";

export type Policy = Schemas["PolicyShown"];

export function Policies() {
  const [address, go] = useAddress();
  const { may } = useWho();
  const policies = useApi("/api/v1/policies", { query: { includeStaging: true } });
  const commit = useChange("post", "/api/v1/policies/commit");
  const writes = may("policies:write");
  const drafts = policies.data?.items.filter((policy) => policy.staging).length ?? 0;
  const opened = policies.data?.items.find((policy) => policy.id === address.open);
  const putInForce = () =>
    commit.mutate(
      {},
      {
        onSuccess: (done) =>
          notifications.show({
            message: `${done.committed} put in force, ${done.failed} not; revision ${done.revision}`,
            color: done.failed ? "yellow" : "teal",
          }),
      },
    );
  return (
    <Page
      title="Policies"
      question="Who may use which model, and for how much?"
      actions={
        writes && (
          <Button leftSection={<IconPlus size={14} />} onClick={() => go({ open: "new" })}>
            New policy
          </Button>
        )
      }
    >
      {policies.data && address.open && address.open !== "new" && !opened && <NotThere what={`policy “${address.open}”`} close={() => go({ open: undefined })} />}
      <div className="tw-stack">
        {drafts > 0 && (
          <Alert className="tw-caution" color="yellow" variant="outline" title={drafts === 1 ? "One draft is not in force" : `${drafts} drafts are not in force`}>
            <Group justify="space-between">
              <Text size="sm">The test below can judge with them. They change nothing until they are put in force together.</Text>
              {writes && (
                <Button loading={commit.isPending} onClick={putInForce}>
                  Put all drafts in force
                </Button>
              )}
            </Group>
            {commit.error && <Failed error={commit.error} what="The drafts were not put in force" />}
            {commit.data?.errors.map((error, number) => (
              <Text key={number} size="sm">
                <b>{error.policyId}</b>: {error.message}
              </Text>
            ))}
          </Alert>
        )}
        <Panel title="Policies" flush hint="their order decides nothing">
          {policies.error ? (
            <Failed error={policies.error} what="Policies cannot be shown" again={() => void policies.refetch()} />
          ) : !policies.data ? (
            <Group p="md">
              <Loading rows={5} />
            </Group>
          ) : policies.data.items.length === 0 ? (
            <Empty title="No policy: whoever has a key may use every model">
              The first policy turns this around: from then on only what a policy permits is forwarded.
            </Empty>
          ) : (
            <DataTable
              label="Policies"
              columns={COLUMNS}
              rows={policies.data.items}
              keyOf={(policy) => policy.id}
              open={(policy) => go({ open: policy.id })}
              isOpen={(policy) => policy.id === address.open}
            />
          )}
        </Panel>
        {may("analytics:read") && <PolicyMatrix />}
        <PolicyTest />
      </div>
      <Drawer
        opened={address.open === "new" || !!opened}
        onClose={() => go({ open: undefined })}
        position="right"
        size={640}
        title={opened?.name ?? "New policy"}
        closeButtonProps={{ "aria-label": "Close the policy" }}
      >
        {(address.open === "new" || opened) && (
          <Stack pb="xl">
            <PolicyForm key={opened?.id ?? "new"} policy={opened} close={() => go({ open: undefined })} />
            {opened && writes && <TakeOut policy={opened} done={() => go({ open: undefined })} />}
          </Stack>
        )}
      </Drawer>
    </Page>
  );
}

function TakeOut({ policy, done }: { policy: Policy; done: () => void }) {
  const [asking, setAsking] = useState(false);
  const remove = useChange("delete", "/api/v1/policies/{policy_id}");
  return (
    <>
      <Button variant="default" onClick={() => setAsking(true)}>
        Take it out…
      </Button>
      <Modal opened={asking} onClose={() => setAsking(false)} title={`Take out ${policy.name}?`} closeButtonProps={{ "aria-label": "Close" }}>
        <Text size="sm" mb="sm">
          It is out of force at once, with its draft. What it permitted is refused from the next request on, unless another policy permits it.
        </Text>
        {remove.error && <Failed error={remove.error} what="It was not taken out" />}
        <Button color="red" loading={remove.isPending} onClick={() => remove.mutate({ path: { policy_id: policy.id } }, { onSuccess: done })}>
          Take it out
        </Button>
      </Modal>
    </>
  );
}

export function resourceText(resource: unknown): string {
  if (resource === "*" || resource === null || resource === undefined) return "every model";
  const one = (each: unknown): string =>
    typeof each === "object" && each !== null
      ? Object.entries(each)
          .map(([name, value]) => `${name} ${([] as unknown[]).concat(value).join(" or ")}`)
          .join(", ")
      : String(each);
  return ([] as unknown[]).concat(resource).map(one).join("; ");
}

export function actionText(action: Record<string, unknown>): string {
  if (action.type === "limit") return `up to $${String(action.amount)} ${String(action.period ?? "")}`;
  if (action.type === "block") return action.except ? "blocks everything else" : "blocks";
  return "permits, without a limit";
}

const COLUMNS: readonly Column<Policy>[] = [
  {
    id: "name",
    head: "Name",
    by: (policy) => policy.name,
    cell: (policy) => (
      <div>
        <Text size="sm" fw={600}>
          {policy.name}
        </Text>
        <Text size="xs" c="dimmed">
          {policy.gateway ?? "every gateway"}
        </Text>
      </div>
    ),
  },
  { id: "action", head: "Does", cell: (policy) => <Chip tone={policy.action.type === "block" ? "over" : "good"}>{actionText(policy.action)}</Chip> },
  { id: "resource", head: "With", cell: (policy) => <div className="tw-clip">{resourceText(policy.resource)}</div> },
  { id: "condition", head: "Where", cell: (policy) => <span className="tw-inline-code">{policy.condition}</span> },
  { id: "actor", head: "Counted for", cell: (policy) => policy.actor },
  {
    id: "state",
    head: "State",
    cell: (policy) => (policy.staging ? <Chip tone="near">draft</Chip> : policy.enabled ? <Chip tone="good">in force</Chip> : <Chip tone="dim">off</Chip>),
  },
];
