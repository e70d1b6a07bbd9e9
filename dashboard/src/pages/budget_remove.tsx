/** Taking a budget out, once it is said what that changes. Whether it can be is for the gateway to say, which is asked first. */

import { Button, Modal, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "../api/client";
import { Failed, Loading } from "../pieces/states";
import { isWrittenElsewhere, type Budget } from "./budget_math";

const ASKED = "budget removed";

export function BudgetRemove({ budget, gone }: { budget: Budget; gone: () => void }) {
  const [asking, setAsking] = useState(false);
  // What policies count on, and a gateway's spend limits, are changed where they are written.
  if (isWrittenElsewhere(budget)) return null;
  return (
    <section>
      <Button variant="default" leftSection={<IconTrash size={14} />} onClick={() => setAsking(true)}>
        Remove…
      </Button>
      {asking && <Question budget={budget} close={() => setAsking(false)} gone={gone} />}
    </section>
  );
}

function Question({ budget, close, gone }: { budget: Budget; close: () => void; gone: () => void }) {
  const path = { budget_id: budget.id };
  const dry = useQuery({
    queryKey: [ASKED, budget.id],
    queryFn: () => ask("delete", "/api/v1/budgets/{budget_id}", { path, query: { dry_run: true } }),
    retry: false,
    gcTime: 0,
  });
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => ask("delete", "/api/v1/budgets/{budget_id}", { path }),
    onSuccess: () => {
      notifications.show({ message: `${budget.name} is removed`, color: "teal" });
      gone();
      // Everything but what was asked of the budget that is gone.
      return client.invalidateQueries({ predicate: ({ queryKey: [asked, of] }) => asked !== ASKED && (of as Partial<typeof path> | undefined)?.budget_id !== budget.id });
    },
  });
  return (
    <Modal opened onClose={close} title={`Remove ${budget.name}?`} closeButtonProps={{ "aria-label": "Close" }} zIndex={300}>
      <Stack gap="sm">
        <Text size="sm">
          {budget.mode === "monitor" ? "It counts nothing from the next request on." : "It counts and refuses nothing from the next request on."} What was spent stays in the ledger
          and in every sum; a budget that is made of the same id counts what lies in its window again.
        </Text>
        {dry.data?.warnings.map((warning) => (
          <Text key={warning} size="sm" c="var(--tw-near)">
            {warning}
          </Text>
        ))}
        {dry.error ? <Failed error={dry.error} what="It cannot be removed" /> : !dry.data && <Loading rows={1} height={22} />}
        {remove.error && <Failed error={remove.error} what="It was not removed" />}
        <Button color="red" disabled={!dry.data} loading={remove.isPending} onClick={() => remove.mutate()}>
          Remove {budget.name}
        </Button>
      </Stack>
    </Modal>
  );
}
