/** Who may use which model? */

import { Button, Drawer, Group, Modal, Stack, Text } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { useApi, useChange, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { Chip } from "../pieces/chip";
import { Page, Panel } from "../pieces/page";
import { Empty, Failed, Loading, NotThere } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { useAddress } from "../shell/address";
import { PolicyDrafts } from "./policy_drafts";
import { PolicyForm } from "./policy_form";
import { PolicyMatrix } from "./policy_matrix";
import { PolicyTest } from "./policy_test";
import { actionText, resourceText } from "./policy_words";

export type Policy = Schemas["PolicyShown"];

export function Policies() {
  const [address, go] = useAddress();
  const { may } = useWho();
  const policies = useApi("/api/v1/policies", { query: { includeStaging: true } });
  const writes = may("policies:write");
  const opened = policies.data?.items.find((policy) => policy.id === address.open);
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
        <PolicyDrafts drafts={policies.data?.items.filter((policy) => policy.staging) ?? []} revision={policies.data?.revision} />
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
