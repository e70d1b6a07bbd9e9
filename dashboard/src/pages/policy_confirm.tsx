/** Before a policy is in force: who loses what by it, and who gains. */

import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { ask, useApi } from "../api/client";
import { useWho } from "../api/session";
import { Failed, Loading } from "../pieces/states";
import { effectOf, told } from "./policy_effect";
import { callersOf, named } from "./policy_matrix";

const [MOST_MODELS, MOST_LINES] = [12, 8];

interface Props {
  name: string;
  /** As it would be sent; with `id` where it changes one that is there. */
  policy: Record<string, unknown>;
  gateway: string;
  close: () => void;
  confirm: () => void;
  pending: boolean;
  error: unknown;
}

export function PolicyConfirm({ name, policy, gateway, close, confirm, pending, error }: Props) {
  const { may } = useWho();
  const seen = useApi("/api/v1/analytics", { query: { by: "user,group", metrics: "requests", limit: 200 } }, { enabled: may("analytics:read") });
  const used = useApi("/api/v1/analytics", { query: { by: "provider,model", metrics: "cost", limit: MOST_MODELS } }, { enabled: may("analytics:read") });
  const models = [...new Set((used.data?.groups ?? []).map((each) => named(each.group.provider, each.group.model)).filter(Boolean))];
  const callers = callersOf(seen.data?.groups ?? [], [], false, []).map(({ name: group, groups }) => ({ name: group, identity: { cf: { user: { id: "somebody", groups } } } }));
  const known = !!seen.data && !!used.data && models.length > 0;
  const effect = useQuery({
    queryKey: ["/api/v1/policies/matrix", "effect", callers, models, gateway, policy],
    queryFn: async () => {
      const asked = { callers, models, gateway };
      const [before, after] = await Promise.all([
        ask("post", "/api/v1/policies/matrix", { body: asked }),
        ask("post", "/api/v1/policies/matrix", { body: { ...asked, policy } }),
      ]);
      return effectOf(before, after);
    },
    enabled: known,
    retry: false,
  });
  const found = effect.data;
  const hurts = !!found && found.lost.length > 0;
  const waits = may("analytics:read") && !seen.error && !used.error && (!seen.data || !used.data || (known && effect.isPending));
  return (
    <Modal opened onClose={close} closeOnEscape={false} withCloseButton={false} title={`Put ${name} in force?`} zIndex={300} onKeyDown={(event) => event.key === "Escape" && close()}>
      <Stack gap="sm">
        {waits ? (
          <Loading rows={2} />
        ) : effect.error ? (
          <Failed error={effect.error} what="What it changes cannot be told" />
        ) : found ? (
          <div role="status">
            <Text size="sm" fw={600} c={hurts ? "var(--tw-over)" : undefined}>
              {[
                ...(found.lost.length > 0 ? [told(found.lost, ["loses", "lose"])] : []),
                ...(found.gained.length > 0 ? [told(found.gained, ["gains", "gain"])] : []),
                ...(found.limited.length > 0 ? [told(found.limited, ["gets another limit on", "get another limit on"])] : []),
              ].join("; ") || "Nobody who was seen loses or gains a model"}
              .
            </Text>
            {found.lost.slice(0, MOST_LINES).map(([group, lost]) => (
              <Text key={group} size="xs" c="dimmed" mt={4}>
                <b>{group}</b> loses {lost.join(", ")}
              </Text>
            ))}
            {found.lost.length > MOST_LINES && (
              <Text size="xs" c="dimmed" mt={4}>
                and {found.lost.length - MOST_LINES} more
              </Text>
            )}
          </div>
        ) : (
          <Text size="sm" role="status">
            No model was used yet, so what it changes cannot be told.
          </Text>
        )}
        <Text size="xs" c="dimmed">
          Judged for the groups that were seen and the models that were used. It holds from the next request on.
        </Text>
        {!!error && <Failed error={error} what="The policy was not saved" />}
        <Group gap="xs" justify="end">
          <Button variant="default" onClick={close} data-autofocus data-mantine-stop-propagation="true">
            Not yet
          </Button>
          <Button color={hurts ? "red" : undefined} disabled={waits} loading={pending} onClick={confirm} data-mantine-stop-propagation="true">
            {hurts ? "Put in force all the same" : "Put it in force"}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
