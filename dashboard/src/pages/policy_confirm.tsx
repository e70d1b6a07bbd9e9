/** Before a policy is in force: who loses what by it, and who gains. */

import { Button, Group, Modal, Stack } from "@mantine/core";
import { Problem } from "../api/client";
import { Failed } from "../pieces/states";
import { Told, useConsequences } from "./policy_consequences";

interface Props {
  name: string;
  /** As it would be sent; with `id` where it changes one that is there. */
  policy: Record<string, unknown>;
  /** The only one it is for; null for all. */
  gateway: string | null;
  close: () => void;
  confirm: () => void;
  pending: boolean;
  error: unknown;
}

export function PolicyConfirm({ name, policy, gateway, close, confirm, pending, error }: Props) {
  const consequences = useConsequences({ policy }, [gateway]);
  const { hurts, waits } = consequences;
  // Whatever else cannot be told, a policy that cannot be used is not offered.
  const unusable = consequences.error instanceof Problem && consequences.error.code === "policy_invalid";
  return (
    <Modal opened onClose={close} closeOnEscape={false} withCloseButton={false} title={`Put ${name} in force?`} zIndex={300} onKeyDown={(event) => event.key === "Escape" && close()}>
      <Stack gap="sm">
        <Told of={consequences} />
        {!!error && <Failed error={error} what="The policy was not saved" />}
        <Group gap="xs" justify="end">
          <Button variant="default" onClick={close} data-autofocus data-mantine-stop-propagation="true">
            Not yet
          </Button>
          {!unusable && (
            <Button color={hurts ? "red" : undefined} disabled={waits} loading={pending} onClick={confirm} data-mantine-stop-propagation="true">
              {hurts ? "Put in force all the same" : "Put it in force"}
            </Button>
          )}
        </Group>
      </Stack>
    </Modal>
  );
}
