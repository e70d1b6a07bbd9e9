/** All drafts together: what each of them is and what they change, before they are in force; what became of them, after. */

import { Alert, Button, Group, Modal, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { queries, useApi, useChange, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { Chip } from "../pieces/chip";
import { Failed, Loading } from "../pieces/states";
import { iso, relative } from "../time";
import "./caution.css";
import { LineDiff } from "./line_diff";
import type { Policy } from "./policies";
import { Told, useConsequences } from "./policy_consequences";
import { actionText, resourceText } from "./policy_words";

type Committed = Schemas["Committed"];

/** What a draft may change of a policy, and how it is called. */
const FIELDS = ["name", "gateway", "actor", "condition", "resource", "action", "enabled"] as const;

interface Props {
  drafts: readonly Policy[];
  /** Of the settings that the drafts were seen with. */
  revision: number | undefined;
}

export function PolicyDrafts({ drafts, revision }: Props) {
  const { may } = useWho();
  const [asking, setAsking] = useState(false);
  const [done, setDone] = useState<Committed | null>(null);
  return (
    <>
      {done && <Outcome done={done} close={() => setDone(null)} />}
      {drafts.length > 0 && (
        <Alert className="tw-caution" color="yellow" variant="outline" title={drafts.length === 1 ? "One draft is not in force" : `${drafts.length} drafts are not in force`}>
          <Group justify="space-between">
            <Text size="sm">The test below can judge with them. They change nothing until they are put in force together.</Text>
            {may("policies:write") && <Button onClick={() => setAsking(true)}>Put all drafts in force…</Button>}
          </Group>
        </Alert>
      )}
      {asking && (
        <Confirm
          drafts={drafts}
          revision={revision}
          close={() => setAsking(false)}
          finished={(outcome) => {
            setAsking(false);
            setDone(outcome);
          }}
        />
      )}
    </>
  );
}

function Confirm({ drafts: present, revision, close, finished }: Props & { close: () => void; finished: (done: Committed) => void }) {
  // What was shown is what is put in force; those that come meanwhile are looked at first.
  const [drafts] = useState(present);
  const consequences = useConsequences({ includeStaging: true }, drafts.map(({ gateway }) => gateway));
  const inForce = useApi("/api/v1/policies");
  const commit = useChange("post", "/api/v1/policies/commit");
  const now = Date.now();
  const others = !commit.isPending && !commit.isSuccess && JSON.stringify(present) !== JSON.stringify(drafts);
  const put = () =>
    // A promise: what is read anew behind it may take this question away, which would not be told.
    commit.mutateAsync({ revision }).then(
      (done) => {
        notifications.show({ message: outcomeText(done), color: done.failed > 0 || done.warnings.length > 0 ? "yellow" : "teal" });
        finished(done);
      },
      // Most likely the settings are others by now: the next try is of those.
      () => queries.invalidateQueries({ queryKey: ["/api/v1/policies"] }),
    );
  const several = drafts.length > 1;
  return (
    <Modal opened onClose={close} size={680} title={several ? `Put ${drafts.length} drafts in force?` : `Put ${drafts[0]?.name ?? "the draft"} in force?`} closeButtonProps={{ "aria-label": "Close" }}>
      <Stack gap="md">
        <Told of={consequences} />
        <section aria-label="Drafts">
          <Title order={3} mb={4}>
            {several ? "Each of them" : "What it is"}
          </Title>
          {inForce.error ? (
            <Failed error={inForce.error} what="What is in force cannot be shown" />
          ) : !inForce.data ? (
            <Loading rows={drafts.length} />
          ) : (
            drafts.map((draft) => <OneDraft key={draft.id} draft={draft} was={inForce.data.items.find(({ id }) => id === draft.id)} now={now} />)
          )}
        </section>
        {others && (
          <Text size="sm" c="var(--tw-near)" role="alert">
            There are other drafts by now. Close this, and look at them first.
          </Text>
        )}
        {commit.error && <Failed error={commit.error} what="The drafts were not put in force" />}
        <Group gap="xs" justify="end">
          <Button variant="default" onClick={close} data-autofocus>
            Not yet
          </Button>
          <Button color={consequences.hurts ? "red" : undefined} disabled={consequences.waits || others} loading={commit.isPending} onClick={put}>
            {consequences.hurts ? "Put in force all the same" : several ? "Put them in force" : "Put it in force"}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function OneDraft({ draft, was, now }: { draft: Policy; was: Policy | undefined; now: number }) {
  const differs = was && FIELDS.filter((field) => JSON.stringify(was[field]) !== JSON.stringify(draft[field]));
  const only = (policy: Policy) => (differs ?? []).map((field) => `${field}: ${typeof policy[field] === "string" ? policy[field] : JSON.stringify(policy[field])}`).join("\n");
  return (
    <div className="tw-near">
      <Group gap="sm" justify="space-between">
        <Group gap="sm">
          <Text size="sm" fw={600}>
            {draft.name}
          </Text>
          {was ? <Chip tone="near">changes what is in force</Chip> : <Chip tone="good">new</Chip>}
          {!draft.enabled && <Chip tone="dim">off</Chip>}
        </Group>
        <Text size="xs" c="dimmed">
          by {draft.updated_by ?? "somebody unknown"}
          {draft.updated_at !== null && `, ${relative(iso(draft.updated_at * 1000), now)}`}
        </Text>
      </Group>
      {differs ? (
        <LineDiff before={only(was)} after={only(draft)} none="It says what is in force already." />
      ) : (
        <Text size="xs" c="dimmed" mt={2}>
          {actionText(draft.action)}: {resourceText(draft.resource)}, where <span className="tw-inline-code">{draft.condition}</span>, {draft.gateway ? `on ${draft.gateway}` : "on every gateway"}, counted for{" "}
          {draft.actor}
        </Text>
      )}
    </div>
  );
}

function outcomeText({ committed, failed, revision }: Committed): string {
  const drafts = committed === 1 ? "1 draft is" : `${committed} drafts are`;
  return `${drafts} in force${failed > 0 ? `, ${failed} ${failed === 1 ? "is" : "are"} not` : ""}; revision ${revision}`;
}

function Outcome({ done, close }: { done: Committed; close: () => void }) {
  const whole = done.failed === 0 && done.warnings.length === 0;
  return (
    <Alert
      className={whole ? "tw-done" : "tw-caution"}
      color={whole ? "teal" : "yellow"}
      variant="outline"
      role="status"
      title={outcomeText(done)}
      withCloseButton
      closeButtonLabel="Close what became of the drafts"
      onClose={close}
    >
      {done.policies.length > 0 && <Text size="sm">In force: {done.policies.map(({ name }) => name).join(", ")}.</Text>}
      {done.errors.map((error) => (
        <Text key={error.policyId} size="sm">
          Still a draft: <b>{error.policyId}</b>. {error.message}
        </Text>
      ))}
      {done.warnings.map((warning) => (
        <Text key={warning} size="sm">
          {warning}
        </Text>
      ))}
    </Alert>
  );
}
