/** One request from its credential to its last ledger line, with every reason. */

import { Alert, Button, Drawer, Group, Stack, Table, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconCoin, IconTerminal2 } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useApi, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { Amount } from "../pieces/amount";
import { Chip } from "../pieces/chip";
import { Copyable } from "../pieces/copyable";
import { Said, SaidWhole } from "../pieces/said";
import { Failed, Loading } from "../pieces/states";
import { instant } from "../time";
import { Bodies, Feedback } from "./request_bodies";
import { askedAgain, curl, Explain } from "./request_explain";
import { Charge, Charged, Holds } from "./request_money";
import { Timeline } from "./request_timeline";
import { Outcome, who } from "./requests";
import "./requests.css";

type Detail = Schemas["LogDetail"];

export function RequestPanel({ id, close }: { id: string | undefined; close: () => void }) {
  const log = useApi("/api/v1/logs/{request_id}", { path: { request_id: id ?? "" } }, { enabled: !!id });
  return (
    <Drawer opened={!!id} onClose={close} position="right" size={640} title="Request" closeButtonProps={{ "aria-label": "Close the request" }}>
      {log.error ? (
        <Failed error={log.error} what="This request cannot be shown" again={() => void log.refetch()} />
      ) : !log.data || log.data.request_id !== id ? (
        <Loading rows={10} />
      ) : (
        <Shown key={id} log={log.data} />
      )}
    </Drawer>
  );
}

function Shown({ log }: { log: Detail }) {
  const { may } = useWho();
  const reason = log.decisions.find((decision) => decision.outcome === "deny");
  const budget = log.code.startsWith("budget_") ? reason?.rule : undefined;
  const copy = async () => {
    await navigator.clipboard.writeText(curl(log, await askedAgain(log), window.location.origin));
    notifications.show({ message: "The request is copied as a curl command; put your key into TOLLWAY_KEY", color: "teal" });
  };
  return (
    <Stack gap="lg" pb="xl">
      <div>
        <Group gap="sm" mb={4}>
          <Outcome status={log.status} code={log.code} />
          <Text size="xs" c="dimmed">
            {instant(log.at)}
          </Text>
          <Text size="sm" fw={600} ml="auto">
            <Charged log={log} />
          </Text>
        </Group>
        <Copyable text={log.request_id} what="the request id" />
        <Group gap="xs" mt="sm">
          <Button variant="default" leftSection={<IconTerminal2 size={14} />} onClick={() => void copy()}>
            Copy as curl
          </Button>
          {budget && may("budgets:read") && (
            <Button component={Link} to="/budgets" search={{ open: budget } as never} variant="default" leftSection={<IconCoin size={14} />}>
              Open the budget
            </Button>
          )}
          {log.user && (
            <Button component={Link} to="/requests" search={{ user: log.user } as never} variant="default">
              {/* In one piece, or the button, which lays out each of its children, loses the blank. */}
              <span>
                More of <Said text={log.user} />
              </span>
            </Button>
          )}
        </Group>
      </div>
      {reason && (
        <Alert color="red" variant="outline" title="Why it was refused">
          <SaidWhole text={reason.detail || reason.code.replaceAll("_", " ")} />
          {reason.rule && (
            <Text size="xs" c="dimmed" mt={4}>
              by <Said text={reason.rule} />
            </Text>
          )}
        </Alert>
      )}
      {may("simulate:read") && <Explain log={log} />}
      <Part title="Time">
        <Timeline durations={log.durations} />
      </Part>
      <Part title="Attempts: requested → sent → answered by">
        <Attempts log={log} />
      </Part>
      <Part title="Charge">
        <Charge log={log} />
      </Part>
      <Part title="Budgets, before and after">
        <Holds log={log} />
      </Part>
      <Part title="Rules, in the order they were asked">
        {log.decisions.length === 0 && (
          <Text size="sm" c="dimmed">
            None were asked.
          </Text>
        )}
        <Stack gap={6}>
          {log.decisions.map((decision, number) => (
            <div key={number} className="tw-decision">
              <Chip tone={decision.outcome === "deny" ? "over" : decision.outcome === "allow" ? "good" : "dim"}>
                {decision.step}: {decision.code.replaceAll("_", " ") || decision.outcome}
              </Chip>
              <Text size="xs" c="dimmed">
                <SaidWhole text={[decision.rule, decision.detail].filter(Boolean).join(" — ")} />
              </Text>
            </div>
          ))}
        </Stack>
      </Part>
      <Part title="Who, and what says so">
        <Identity log={log} />
      </Part>
      <Part title="Bodies">
        <Bodies log={log} />
      </Part>
      <Feedback log={log} />
    </Stack>
  );
}

function Attempts({ log }: { log: Detail }) {
  if (log.attempts.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {log.request_model === null ? "No model" : <SaidWhole text={log.request_model} />} was asked for, and no provider was called{log.cached ? ": the answer was kept" : ""}.
      </Text>
    );
  return (
    <Table aria-label="Attempts">
      <Table.Tbody>
        {log.attempts.map((attempt) => (
          <Table.Tr key={attempt.number}>
            <Table.Td w={24} c="dimmed">
              {attempt.number}
            </Table.Td>
            <Table.Td>
              <Said text={`${attempt.provider}/${attempt.model}`} />
              {attempt.outcome === "answered" && log.response_model && log.response_model !== attempt.model && (
                <Text span inherit c="dimmed">
                  {" "}
                  → <Said text={log.response_model} />
                </Text>
              )}
            </Table.Td>
            <Table.Td>
              <Chip tone={attempt.status !== null && attempt.status < 400 ? "good" : "near"}>
                {attempt.outcome.replaceAll("_", " ")} {attempt.status ?? ""} {attempt.code.replaceAll("_", " ")}
              </Chip>
            </Table.Td>
            <Table.Td ta="right">
              <Amount of={attempt.amount_usd} unknown="—" />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

/** Every attribute, and whether a key, a token or only the caller's own word says it. */
function Identity({ log }: { log: Detail }) {
  const proof = log.proven_by === "token" ? "said by its token" : log.key ? `said by the key ${log.key}` : "";
  const said = (name: string) => (log.declared.includes(name) ? "said by the caller's header alone" : proof);
  const lines: [string, string | null, string][] = [
    ["user", log.user, proof],
    ["service", log.service, proof],
    ["groups", log.groups.join(", ") || null, proof],
    ...Object.entries(log.metadata).map(([name, value]): [string, string, string] => [`metadata.${name}`, value, said(name)]),
    ...Object.entries(log.added_metadata).map(([name, value]): [string, string, string] => [`metadata.${name}`, value, "added afterwards"]),
    ["gateway", log.gateway, ""],
    ["asked", `${log.method} ${log.path}`, log.api],
    ["client", log.user_agent || null, ""],
    ["answer", log.streamed ? "streamed" : "in one piece", ""],
  ];
  return (
    <Table aria-label="Attributes" className="tw-attributes">
      <Table.Tbody>
        {log.user === null && log.service === null && (
          <Table.Tr>
            <Table.Td colSpan={3}>
              <SaidWhole text={who(log)} />
            </Table.Td>
          </Table.Tr>
        )}
        {lines
          .flatMap(([name, value, source]) => (value === null ? [] : [{ name, value, source }]))
          .map(({ name, value, source }) => (
            <Table.Tr key={`${name} ${source}`}>
              <Table.Td c="dimmed">
                <Said text={name} />
              </Table.Td>
              <Table.Td className="tw-wrap">
                <SaidWhole text={value} />
              </Table.Td>
              <Table.Td c="dimmed" fz="xs">
                <Said text={source} />
              </Table.Td>
            </Table.Tr>
          ))}
      </Table.Tbody>
    </Table>
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
