/** What an administrator does by hand: a freeze, more for a while, and a limit that the past suggests. */

import { ActionIcon, Alert, Button, Group, Select, Stack, Table, Text, TextInput, Title, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconSnowflake, IconTrendingUp, IconX } from "@tabler/icons-react";
import { useState, type FormEvent } from "react";
import { useApi, useChange } from "../api/client";
import { decimal, typed } from "../money";
import { Amount } from "../pieces/amount";
import { Failed } from "../pieces/states";
import { minute, relative } from "../time";
import { dayInWords, type Account, type Budget } from "./budget_math";

/** One account, or (undefined) all of a budget. */
export function Freeze({ budget, account }: { budget: Budget; account?: Account }) {
  const [reason, setReason] = useState("");
  const [asking, setAsking] = useState(false);
  const freeze = useChange("post", "/api/v1/budgets/{budget_id}/freeze");
  const thaw = useChange("post", "/api/v1/budgets/{budget_id}/unfreeze");
  const named = account ? account.account : budget.name;
  const asked = { path: { budget_id: budget.id }, body: { account: account?.account ?? null, reason } };
  const done = (message: string) => () => {
    setAsking(false);
    notifications.show({ message, color: "teal" });
  };
  const error = freeze.error ?? thaw.error;
  const frozen = account ? account.frozen && !budget.frozen : budget.frozen;
  const control = budget.controls.find((each) => each.kind === "freeze" && each.account === (account?.account ?? null));
  return (
    <div>
      {error && <Failed error={error} what="It was not changed" />}
      {frozen ? (
        <Alert color="red" variant="outline" icon={<IconSnowflake size={18} />} title="Frozen">
          Everything that costs money is refused{control?.reason ? `: ${control.reason}` : ""}.
          {control && (
            <Text size="xs" c="dimmed">
              since {minute(control.since)}, by {control.by}
            </Text>
          )}
          <Group mt="xs">
            <Button loading={thaw.isPending} onClick={() => thaw.mutate(asked, { onSuccess: done(`${named} is in use again`) })}>
              Unfreeze
            </Button>
          </Group>
        </Alert>
      ) : asking ? (
        <Group align="end" gap="xs">
          <TextInput flex={1} miw={160} label="Why it is frozen" value={reason} onChange={(event) => setReason(event.currentTarget.value)} placeholder="a leaked key" data-autofocus />
          <Button color="red" size="sm" loading={freeze.isPending} onClick={() => freeze.mutate(asked, { onSuccess: done(`${named} is frozen`) })}>
            Freeze now
          </Button>
          <Button variant="default" size="sm" onClick={() => setAsking(false)}>
            Leave it
          </Button>
        </Group>
      ) : account && budget.frozen ? null : (
        <Button variant="default" size={account ? "compact-xs" : "xs"} leftSection={<IconSnowflake size={14} />} onClick={() => setAsking(true)}>
          Freeze…
        </Button>
      )}
    </div>
  );
}

const LENGTHS = [
  { value: "window", label: "until the window ends" },
  { value: "1h", label: "for an hour" },
  { value: "24h", label: "for a day" },
  { value: "7d", label: "for a week" },
  { value: "30d", label: "for 30 days" },
];

/** More for a while: of one account or of each, with an end and a reason. */
export function Increases({ budget, writes }: { budget: Budget; writes: boolean }) {
  const [asking, setAsking] = useState(false);
  const [account, setAccount] = useState("");
  const [amount, setAmount] = useState("");
  const [length, setLength] = useState("window");
  const [reason, setReason] = useState("");
  const increase = useChange("post", "/api/v1/budgets/{budget_id}/increases");
  const end = useChange("delete", "/api/v1/budgets/{budget_id}/increases/{increase_id}");
  const more = typed(amount);
  const there = budget.controls.filter((each) => each.kind === "increase");
  const now = Date.now();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (more === null) return;
    increase.mutate(
      { path: { budget_id: budget.id }, body: { account: account || null, amount_usd: decimal(more), for: length, reason } },
      {
        onSuccess: (done) => {
          setAsking(false);
          setAmount("");
          setReason("");
          notifications.show({ title: "The limit is raised", message: done.warnings.join(" "), color: done.warnings.length ? "yellow" : "teal" });
        },
      },
    );
  };
  if (!writes && there.length === 0) return null;
  return (
    <section>
      <Title order={3} mb="xs">
        More for a while
      </Title>
      {there.length > 0 && (
        <Table aria-label="Increases" mb="xs">
          <Table.Tbody>
            {there.map((each) => (
              <Table.Tr key={each.id}>
                <Table.Td>
                  <Amount of={each.amount_usd} fw={600} /> more
                </Table.Td>
                <Table.Td>{each.account ?? "every account"}</Table.Td>
                <Table.Td>
                  {each.until ? (
                    <>
                      until {minute(each.until)}{" "}
                      <Text span inherit c="dimmed">
                        {relative(each.until, now)}
                      </Text>
                    </>
                  ) : (
                    "until it is ended"
                  )}
                </Table.Td>
                <Table.Td>
                  <Text size="xs" c="dimmed">
                    {[each.reason, `by ${each.by}`].filter(Boolean).join(", ")}
                  </Text>
                </Table.Td>
                <Table.Td w={30}>
                  {writes && (
                    <Tooltip label="End it now">
                      <ActionIcon
                        size="sm"
                        variant="subtle"
                        color="gray"
                        aria-label="End this increase"
                        loading={end.isPending}
                        onClick={() => end.mutate({ path: { budget_id: budget.id, increase_id: each.id } })}
                      >
                        <IconX size={15} />
                      </ActionIcon>
                    </Tooltip>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {end.error && <Failed error={end.error} what="It was not ended" />}
      {writes &&
        (asking ? (
          <form onSubmit={submit} aria-label="More for a while">
            <Stack gap="xs">
              <Group gap="xs" align="end">
                <TextInput label="US dollars more" inputMode="decimal" value={amount} onChange={(event) => setAmount(event.currentTarget.value)} error={amount !== "" && more === null} w={130} data-autofocus />
                <Select label="How long" data={LENGTHS} value={length} onChange={(value) => setLength(value ?? "window")} w={190} />
                {budget.split_by.length > 0 && (
                  <Select
                    label="For"
                    searchable
                    data={[{ value: "", label: "every account" }, ...budget.accounts.map((each) => ({ value: each.account, label: Object.values(each.values).join(" · ") }))]}
                    value={account}
                    onChange={(value) => setAccount(value ?? "")}
                    w={200}
                  />
                )}
                <TextInput label="Why" placeholder="the launch" value={reason} onChange={(event) => setReason(event.currentTarget.value)} flex={1} miw={140} />
              </Group>
              {increase.error && <Failed error={increase.error} what="The limit was not raised" />}
              <Group gap="xs">
                <Button type="submit" disabled={more === null || more <= 0n} loading={increase.isPending}>
                  Raise it
                </Button>
                <Button variant="default" onClick={() => setAsking(false)}>
                  Leave it
                </Button>
              </Group>
            </Stack>
          </form>
        ) : (
          <Button variant="default" leftSection={<IconTrendingUp size={14} />} onClick={() => setAsking(true)}>
            Raise the limit for a while…
          </Button>
        ))}
    </section>
  );
}

/** What 95 % of the accounts would get by with, as far as enough is known of them. */
export function Suggestion({ budget }: { budget: Budget }) {
  const suggestion = useApi("/api/v1/budgets/{budget_id}/suggestion", { path: { budget_id: budget.id }, query: { accounts: 0 } });
  if (!suggestion.data) return null;
  const { suggested_usd, needed, since } = suggestion.data;
  return (
    <Text size="sm" c="dimmed">
      {suggested_usd !== null ? (
        <>
          Since {dayInWords(since)} the past suggests <Amount of={suggested_usd} fw={600} c="var(--mantine-color-text)" />
          {budget.split_by.length > 0 ? " for each: enough for 95 % of them" : ""}.
        </>
      ) : (
        <>Nothing can be suggested yet: {needed ?? "too little is known"}.</>
      )}
    </Text>
  );
}
