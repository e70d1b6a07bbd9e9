/** Who is told, when? */

import { Button, Drawer, Group, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useApi, useChange, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { Chip } from "../pieces/chip";
import { Page, Panel } from "../pieces/page";
import { Empty, Failed, Loading } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { useAddress } from "../shell/address";
import { instant, minute } from "../time";
import { Facts } from "./request_panel";

type Alert = Schemas["AlertShown"];
type Delivery = Schemas["DeliveryShown"];

export function Alerts() {
  const [address, go] = useAddress();
  const alerts = useApi("/api/v1/alerts", { query: { limit: 100 } }, { every: 30_000 });
  return (
    <Page title="Alerts" question="Who is told, when, and did it arrive?">
      <div className="tw-stack">
        <Channels />
        <Panel title="History" flush>
          {alerts.error ? (
            <Failed error={alerts.error} what="Alerts cannot be shown" again={() => void alerts.refetch()} />
          ) : !alerts.data ? (
            <Group p="md">
              <Loading rows={5} />
            </Group>
          ) : alerts.data.items.length === 0 ? (
            <Empty title="Nothing was worth an alert yet">
              Budgets tell at the percentages in <code className="tw-inline-code">alerts:</code>; rules in the settings tell of forecasts, sudden spend
              and models without a price.
            </Empty>
          ) : (
            <DataTable
              label="Alerts"
              columns={COLUMNS}
              rows={alerts.data.items}
              keyOf={(alert) => alert.id}
              open={(alert) => go({ open: alert.id })}
              isOpen={(alert) => alert.id === address.open}
            />
          )}
        </Panel>
      </div>
      <AlertPanel id={address.open} close={() => go({ open: undefined })} />
    </Page>
  );
}

const COLUMNS: readonly Column<Alert>[] = [
  { id: "at", head: "Time", width: 150, by: (alert) => alert.at, cell: (alert) => instant(alert.at) },
  { id: "kind", head: "What", width: 130, by: (alert) => alert.kind, cell: (alert) => alert.kind.replaceAll("_", " ") },
  { id: "title", head: "Said", cell: (alert) => alert.title },
  { id: "budget", head: "Budget", by: (alert) => alert.budget, cell: (alert) => alert.budget ?? "—" },
  { id: "channels", head: "To", cell: (alert) => alert.channels.join(", ") || <Chip tone="near">nobody</Chip> },
];

function Channels() {
  const { may } = useWho();
  const channels = useApi("/api/v1/alerts/channels");
  const snoozes = useApi("/api/v1/alerts/snoozes");
  const test = useChange("post", "/api/v1/alerts/test");
  const send = (channel: string) =>
    test.mutate(
      { body: { channel } },
      {
        onSuccess: (outcome) =>
          notifications.show(
            outcome.arrived
              ? { message: `The test arrived at ${channel}`, color: "teal" }
              : { title: `The test did not arrive at ${channel}`, message: outcome.error, color: "red" },
          ),
      },
    );
  return (
    <div className="tw-grid">
      <Panel title="Channels">
        {test.error && <Failed error={test.error} what="The test was not sent" />}
        {channels.error ? (
          <Failed error={channels.error} what="Channels cannot be shown" again={() => void channels.refetch()} />
        ) : !channels.data ? (
          <Loading rows={2} />
        ) : channels.data.items.length === 0 ? (
          <Empty title="Nobody is told anything yet">
            Add a channel under <code className="tw-inline-code">alerts:</code> in the settings: a webhook, Slack, e-mail or a hundred other services.
          </Empty>
        ) : (
          channels.data.items.map((channel) => (
            <Group key={channel.name} justify="space-between" className="tw-near" wrap="nowrap">
              <div>
                <Text size="sm" fw={600}>
                  {channel.name} {channel.default && <Text span inherit c="dimmed" fw={400}>by default</Text>}
                </Text>
                <Text size="xs" c="dimmed">
                  {channel.kind} · {channel.address}
                </Text>
              </div>
              {may("alerts:write") && (
                <Button variant="default" loading={test.isPending && test.variables?.body === channel.name} onClick={() => send(channel.name)}>
                  Send a test
                </Button>
              )}
            </Group>
          ))
        )}
      </Panel>
      <Panel title="Rules">
        {channels.data?.rules.map((rule) => (
          <div key={rule.name} className="tw-near">
            <Text size="sm" fw={600}>
              {rule.name}
            </Text>
            <Text size="xs" c="dimmed">
              {rule.when.replaceAll("_", " ")} of {rule.budgets?.join(", ") ?? "every budget"} → {rule.channels.join(", ") || "the default channels"}
            </Text>
          </div>
        ))}
        {channels.data?.rules.length === 0 && <Empty title="No rule beyond the thresholds of budgets" />}
        {snoozes.data?.items.map((snooze) => (
          <Text key={snooze.target} size="xs" c="dimmed" mt="xs">
            {snooze.target} is quiet until {minute(snooze.until)}, by {snooze.by}
          </Text>
        ))}
      </Panel>
    </div>
  );
}

const STATES: Record<Delivery["state"], readonly ["good" | "near" | "over", string]> = {
  arrived: ["good", "arrived"],
  waiting: ["near", "waiting"],
  given_up: ["over", "given up"],
};

function AlertPanel({ id, close }: { id?: string; close: () => void }) {
  const alert = useApi("/api/v1/alerts/{alert_id}", { path: { alert_id: id ?? "" } }, { enabled: !!id });
  return (
    <Drawer opened={!!id} onClose={close} position="right" size={520} title="Alert" closeButtonProps={{ "aria-label": "Close the alert" }}>
      {alert.error ? (
        <Failed error={alert.error} what="This alert cannot be shown" />
      ) : !alert.data || alert.data.id !== id ? (
        <Loading rows={6} />
      ) : (
        <Stack>
          <Title order={3}>{alert.data.title}</Title>
          <Text size="sm" className="tw-lines">
            {alert.data.text}
          </Text>
          <Facts facts={[["Time", instant(alert.data.at)], ["Budget", alert.data.budget], ["Account", alert.data.account]]} />
          <Title order={3}>Deliveries</Title>
          {alert.data.deliveries.length === 0 && <Text size="sm" c="dimmed">No channel was named for it.</Text>}
          {alert.data.deliveries.map((delivery) => (
            <div key={delivery.channel}>
              <Group gap="sm">
                <Text size="sm">{delivery.channel}</Text>
                <Chip tone={STATES[delivery.state][0]}>
                  {STATES[delivery.state][1]}, {delivery.attempts} tries
                </Chip>
              </Group>
              {delivery.error && <Text size="xs" c="dimmed">{delivery.error}</Text>}
            </div>
          ))}
        </Stack>
      )}
    </Drawer>
  );
}
