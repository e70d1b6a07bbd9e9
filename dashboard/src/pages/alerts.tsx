/** Who is told, when? */

import { Button, Drawer, Group, Stack, Text, Title, UnstyledButton } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconPlus } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useApi, useChange, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { BudgetName } from "../pieces/budget_name";
import { Chip } from "../pieces/chip";
import { Page, Panel } from "../pieces/page";
import { Empty, Failed, Loading } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { TimeHead } from "../pieces/time_head";
import { useAddress } from "../shell/address";
import { instant } from "../time";
import { AlertRule } from "./alert_rule";
import { saidOf, type Rule } from "./alert_words";
import { Snooze } from "./alert_snooze";
import { Facts } from "./request_panel";

type Alert = Schemas["AlertShown"];
type Delivery = Schemas["DeliveryShown"];

export function Alerts() {
  const [address, go] = useAddress();
  const cursor = address.cursor;
  const alerts = useApi("/api/v1/alerts", { query: { limit: 100, budget: address.budget, cursor } }, { every: cursor ? undefined : 30_000 });
  return (
    <Page title="Alerts" question="Who is told, when, and did it arrive?">
      <div className="tw-stack">
        <Channels />
        <Panel
          title="History"
          flush
          hint={address.budget ? <>of <BudgetName id={address.budget} /></> : undefined}
          actions={
            address.budget && (
              <Button variant="default" size="compact-xs" onClick={() => go({ budget: undefined, cursor: undefined })}>
                Of every budget
              </Button>
            )
          }
        >
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
            <>
              <DataTable
                label="Alerts"
                columns={COLUMNS}
                rows={alerts.data.items}
                keyOf={(alert) => alert.id}
                open={(alert) => go({ open: alert.id })}
                isOpen={(alert) => alert.id === address.open}
              />
              {(cursor || alerts.data.next) && (
                <Group justify="end" p="sm" gap="xs">
                  <Button variant="default" disabled={!cursor} onClick={() => go({ cursor: undefined })}>
                    Newest
                  </Button>
                  <Button variant="default" disabled={!alerts.data.next} onClick={() => go({ cursor: alerts.data?.next ?? undefined })}>
                    Older
                  </Button>
                </Group>
              )}
            </>
          )}
        </Panel>
      </div>
      <AlertPanel id={address.open} close={() => go({ open: undefined })} />
      <RuleDrawer />
    </Page>
  );
}

const COLUMNS: readonly Column<Alert>[] = [
  { id: "at", head: <TimeHead />, called: "Time", width: 150, by: (alert) => alert.at, cell: (alert) => instant(alert.at) },
  { id: "kind", head: "What", width: 130, by: (alert) => alert.kind, cell: (alert) => alert.kind.replaceAll("_", " ") },
  { id: "title", head: "Said", cell: (alert) => alert.title },
  { id: "budget", head: "Budget", by: (alert) => alert.budget, cell: (alert) => (alert.budget ? <BudgetName id={alert.budget} /> : "—") },
  { id: "channels", head: "To", width: 220, cell: (alert) => <Told alert={alert} /> },
];

const STATES: Record<Delivery["state"], readonly ["good" | "near" | "over", string]> = {
  arrived: ["good", "arrived"],
  waiting: ["near", "waiting"],
  given_up: ["over", "given up"],
};

function stateOf({ state, attempts }: Delivery): string {
  return state === "arrived" ? STATES.arrived[1] : `${STATES[state][1]}, ${attempts} ${attempts === 1 ? "try" : "tries"}`;
}

/** Each channel, and whether the alert has arrived there. */
function Told({ alert }: { alert: Alert }) {
  if (alert.deliveries.length === 0) return alert.kind === "test" ? <Tried test={alert} /> : <Chip tone="near">nobody</Chip>;
  return (
    <>
      {alert.deliveries.map((delivery) => (
        <div key={delivery.channel}>
          {delivery.channel} <Chip tone={STATES[delivery.state][0]}>{stateOf(delivery)}</Chip>
        </div>
      ))}
    </>
  );
}

function Tried({ test }: { test: Alert }) {
  return (
    <>
      {test.data.channel} {test.data.arrived ? <Chip tone="good">arrived</Chip> : <Chip tone="over">did not arrive</Chip>}
    </>
  );
}

/** As docs/guides/alerts.md has it: addresses are credentials, and stand in the environment. */
const CHANNELS = `channels:
  ops:  {webhook: "https://hooks.example.com/tollway", secret: "env:HOOK_SECRET"}
  mail: {apprise: "env:MAIL_URL"}  # mailtos://user:password@example.com?to=finops@example.com`;

function Channels() {
  const { may } = useWho();
  const channels = useApi("/api/v1/alerts/channels");
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
          <Empty title="Nobody is told anything yet" command={CHANNELS}>
            Name a channel under <code className="tw-inline-code">channels:</code> in{" "}
            {may("document:read") ? (
              <Link to="/settings" search={{ tab: "document" } as never} className="tw-link">
                the settings
              </Link>
            ) : (
              "the settings"
            )}
            : a webhook, Slack, e-mail or a hundred other services. For example:
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
                <Button variant="default" loading={test.isPending && (test.variables?.body as { channel?: string } | undefined)?.channel === channel.name} onClick={() => send(channel.name)}>
                  Send a test
                </Button>
              )}
            </Group>
          ))
        )}
      </Panel>
      <Rules />
      <Panel title="Snoozed" hint="kept in the history, sent to nobody">
        <Snooze />
      </Panel>
    </div>
  );
}

function Rules() {
  const [, go] = useAddress();
  const { may } = useWho();
  const rules = useApi("/api/v1/alerts/rules");
  return (
    <Panel
      title="Rules"
      actions={
        may("alerts:write") && (
          <Button variant="default" leftSection={<IconPlus size={14} />} onClick={() => go({ rule: "new" })}>
            New rule
          </Button>
        )
      }
    >
      {rules.error ? (
        <Failed error={rules.error} what="Rules cannot be shown" again={() => void rules.refetch()} />
      ) : !rules.data ? (
        <Loading rows={2} />
      ) : rules.data.items.length === 0 ? (
        <Empty title="No rule beyond the thresholds of budgets">A rule tells of a forecast, a runaway, a model without a price or a store in trouble.</Empty>
      ) : (
        rules.data.items.map(({ rule, channels }) => {
          const written = rule as unknown as Rule;
          return (
            <UnstyledButton key={written.name} className="tw-near" w="100%" onClick={() => go({ rule: written.name })}>
              <Text size="sm" fw={600}>
                {written.name}
              </Text>
              <Text size="xs" c="dimmed">
                {saidOf(written)} → {channels.join(", ") || "nobody: it is only kept"}
              </Text>
            </UnstyledButton>
          );
        })
      )}
    </Panel>
  );
}

function RuleDrawer() {
  const [address, go] = useAddress();
  const rules = useApi("/api/v1/alerts/rules", {}, { enabled: !!address.rule });
  const found = rules.data?.items.map(({ rule }) => rule as unknown as Rule).find((rule) => rule.name === address.rule);
  return <AlertRule rule={found} opened={address.rule === "new" || !!found} close={() => go({ rule: undefined })} />;
}

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
          <Facts
            facts={[
              ["Time", instant(alert.data.at)],
              [
                "Budget",
                alert.data.budget && (
                  <Link key="budget" to="/budgets" search={{ open: alert.data.budget } as never} className="tw-link">
                    <BudgetName id={alert.data.budget} />
                  </Link>
                ),
              ],
              ["Account", alert.data.account],
            ]}
          />
          <Title order={3}>Deliveries</Title>
          {alert.data.deliveries.length === 0 && <Text size="sm" c="dimmed">No channel was named for it.</Text>}
          {alert.data.deliveries.map((delivery) => (
            <div key={delivery.channel}>
              <Group gap="sm">
                <Text size="sm">{delivery.channel}</Text>
                <Chip tone={STATES[delivery.state][0]}>
                  {stateOf(delivery)}
                </Chip>
              </Group>
              {delivery.error && <Text size="xs" c="dimmed">{delivery.error}</Text>}
            </div>
          ))}
          {alert.data.budget && (
            <section>
              <Title order={3} mb="xs">
                Quiet for a while
              </Title>
              <Snooze target={alert.data.budget} />
              <Button component={Link} to="/alerts" search={{ budget: alert.data.budget } as never} variant="default" mt="xs">
                More alerts of {alert.data.budget}
              </Button>
            </section>
          )}
        </Stack>
      )}
    </Drawer>
  );
}
