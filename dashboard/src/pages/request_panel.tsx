/** One request from its credential to its last ledger line, with every reason. */

import { Alert, Button, Drawer, Group, Stack, Table, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useApi, type Schemas } from "../api/client";
import { Amount } from "../pieces/amount";
import { Chip } from "../pieces/chip";
import { Copyable } from "../pieces/copyable";
import { Failed, Loading } from "../pieces/states";
import { count, duration, instant } from "../time";
import { Outcome, who } from "./requests";

type Detail = Schemas["LogDetail"];

export function RequestPanel({ id, close }: { id: string | undefined; close: () => void }) {
  const log = useApi("/api/v1/logs/{request_id}", { path: { request_id: id ?? "" } }, { enabled: !!id });
  return (
    <Drawer opened={!!id} onClose={close} position="right" size={600} title="Request" closeButtonProps={{ "aria-label": "Close the request" }}>
      {log.error ? (
        <Failed error={log.error} what="This request cannot be shown" again={() => void log.refetch()} />
      ) : !log.data || log.data.request_id !== id ? (
        <Loading rows={10} />
      ) : (
        <Shown log={log.data} />
      )}
    </Drawer>
  );
}

function Shown({ log }: { log: Detail }) {
  const reason = log.decisions.find((decision) => decision.outcome === "deny");
  return (
    <Stack gap="lg" pb="xl">
      <div>
        <Group gap="sm" mb={4}>
          <Outcome status={log.status} code={log.code} />
          <Text size="xs" c="dimmed">
            {instant(log.at)}
          </Text>
        </Group>
        <Copyable text={log.request_id} what="the request id" />
      </div>
      {reason && (
        <Alert color="red" variant="outline" title="Why it was refused">
          {reason.detail || reason.code.replaceAll("_", " ")}
          {reason.rule && (
            <Text size="xs" c="dimmed" mt={4}>
              by {reason.rule}
            </Text>
          )}
        </Alert>
      )}
      <Part title="Who asked for what">
        <Facts
          facts={[
            ["Who", who(log)],
            ["Groups", log.groups.join(", ") || null],
            ["Key", log.key],
            ["Metadata", Object.entries(log.metadata).map(([name, value]) => `${name} = ${value}`).join(", ") || null],
            ["Gateway", log.gateway],
            ["Asked", `${log.method} ${log.path}`],
            ["Model", log.request_model],
            ["Answered by", log.response_model],
            ["Client", log.user_agent || null],
          ]}
        />
      </Part>
      <Part title="Charge">
        {log.charge ? (
          <>
            <Table aria-label="Charge lines">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Meter</Table.Th>
                  <Table.Th ta="right">Quantity</Table.Th>
                  <Table.Th ta="right">Price</Table.Th>
                  <Table.Th ta="right">Amount</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {log.charge.lines.map((line) => (
                  <Table.Tr key={line.meter}>
                    <Table.Td>{line.meter.replaceAll("_", " ")}</Table.Td>
                    <Table.Td ta="right">{count(line.quantity)}</Table.Td>
                    <Table.Td ta="right">
                      <Amount of={line.unit_price.amount_usd} /> <PerUnit per={line.unit_price.per} />
                    </Table.Td>
                    <Table.Td ta="right">
                      <Amount of={line.amount_usd} />
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
              <Table.Tfoot>
                <Table.Tr>
                  <Table.Th>Total, {BASIS[log.charge.basis]}</Table.Th>
                  <Table.Th ta="right" colSpan={3}>
                    <Amount of={log.charge.amount_usd} />
                  </Table.Th>
                </Table.Tr>
              </Table.Tfoot>
            </Table>
            {log.charge.price_id && (
              <Text size="xs" c="dimmed" mt={4}>
                Price <span className="tw-inline-code">{log.charge.price_id}</span>
              </Text>
            )}
          </>
        ) : (
          <Text size="sm" c="dimmed">
            {log.attempts.length === 0
              ? "Nothing was sent to a provider, so nothing was charged."
              : "No charge is known: either nothing was owed, or this model has no price."}
          </Text>
        )}
      </Part>
      <Part title="What was held">
        {log.holds.length === 0 ? (
          <Text size="sm" c="dimmed">
            No budget counts this request, or it was refused before a hold.
          </Text>
        ) : (
          <Table aria-label="Holds">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Account</Table.Th>
                <Table.Th ta="right">Held</Table.Th>
                <Table.Th ta="right">Limit</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {log.holds.map((hold) => (
                <Table.Tr key={hold.account}>
                  <Table.Td>
                    <Link to="/budgets" search={{ open: hold.budget } as never} className="tw-link">
                      {hold.account}
                    </Link>
                    {!hold.enforced && <Text span inherit c="dimmed"> watched</Text>}
                  </Table.Td>
                  <Table.Td ta="right">
                    <Amount of={hold.amount_usd} />
                  </Table.Td>
                  <Table.Td ta="right">
                    <Amount of={hold.limit_usd} unknown="no limit" />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </Part>
      <Part title="Attempts">
        {log.attempts.length === 0 ? (
          <Text size="sm" c="dimmed">
            No provider was called.
          </Text>
        ) : (
          log.attempts.map((attempt) => (
            <Group key={attempt.number} gap="sm" py={3} fz="sm">
              <Text span inherit c="dimmed">
                {attempt.number}.
              </Text>
              {attempt.provider}/{attempt.model}
              <Chip tone={attempt.status !== null && attempt.status < 400 ? "good" : "near"}>
                {attempt.outcome} {attempt.status ?? ""} {attempt.code.replaceAll("_", " ")}
              </Chip>
            </Group>
          ))
        )}
      </Part>
      <Part title="Time">
        <Facts
          facts={[
            ["In all", duration(log.durations.total_us)],
            ["First byte", duration(log.durations.first_chunk_us)],
            ["At the provider", duration(log.durations.upstream_us)],
            ["Tollway's own", duration(log.durations.overhead_us)],
            ["Streamed", log.streamed ? "yes" : "no"],
          ]}
        />
      </Part>
      <Part title="Rules, in the order they were asked">
        <Stack gap={6}>
          {log.decisions.map((decision, number) => (
            <div key={number} className="tw-decision">
              <Chip tone={decision.outcome === "deny" ? "over" : decision.outcome === "allow" ? "good" : "dim"}>
                {decision.step}: {decision.code.replaceAll("_", " ") || decision.outcome}
              </Chip>
              <Text size="xs" c="dimmed">
                {[decision.rule, decision.detail].filter(Boolean).join(" — ")}
              </Text>
            </div>
          ))}
        </Stack>
      </Part>
      {log.user && (
        <Button component={Link} to="/requests" search={{ user: log.user } as never} variant="default">
          More of {log.user}
        </Button>
      )}
    </Stack>
  );
}

const BASIS = {
  metered: "by the provider's own usage",
  counted: "counted here, as far as the answer was seen",
  presumed: "presumed: the end is unknown, so the hold counts",
} as const;

/** "per 1 M": unit prices are told for so many of a thing. */
export function PerUnit({ per }: { per: number }) {
  return (
    <Text span inherit c="dimmed">
      / {per === 1 ? "1" : count(per).replace("1.00 M", "1 M")}
    </Text>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <Title order={3} mb={6}>
        {title}
      </Title>
      {children}
    </section>
  );
}

export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="tw-facts">
      {facts
        .filter(([, value]) => value !== null)
        .map(([name, value]) => (
          <div key={name} className="tw-fact">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
