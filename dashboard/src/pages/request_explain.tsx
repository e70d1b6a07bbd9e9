/** Would the same request go through now? Judged by the gateway's own rules; nothing is held, sent or logged. */

import { Alert, Box, Button, Group, Table, Text } from "@mantine/core";
import { IconBan, IconCircleCheck, IconHelpCircle } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useMutation } from "@tanstack/react-query";
import { ask, Problem, type Schemas } from "../api/client";
import { Amount } from "../pieces/amount";
import { Failed } from "../pieces/states";
import { keptOf, read } from "./request_bodies";

type Detail = Schemas["LogDetail"];

/** The request as it can be asked again: what was kept of it, or as little as makes one of its kind. */
export async function askedAgain(log: Detail): Promise<Record<string, unknown>> {
  if (!keptOf(log).some((about) => about.part === "asked" && !about.truncated)) return least(log);
  try {
    const found = JSON.parse((await read(log.request_id, "asked"))?.content ?? "null") as unknown;
    if (found && typeof found === "object" && !Array.isArray(found)) return found as Record<string, unknown>;
  } catch {
    // It may not be read by everybody who sees the request, or is no JSON.
  }
  return least(log);
}

export function least(log: Pick<Detail, "provider" | "request_model">): Record<string, unknown> {
  const model = log.provider && log.request_model ? `${log.provider}/${log.request_model}` : (log.request_model ?? "");
  return { model, messages: [{ role: "user", content: "Hello!" }], max_tokens: 500 };
}

export function Explain({ log }: { log: Detail }) {
  const explain = useMutation({
    mutationFn: async () => {
      const whole = await askedAgain(log);
      const question = { gateway: log.gateway, body: { ...whole, model: whole.model ?? least(log).model } };
      const declared = Object.fromEntries(Object.entries(log.metadata).filter(([name]) => log.declared.includes(name)));
      const person = { ...(log.service ? { service: log.service } : log.user ? { user: log.user } : {}), groups: log.groups, metadata: log.metadata };
      if (!log.key) return ask("post", "/api/v1/explain", { body: { ...question, ...person } });
      try {
        return await ask("post", "/api/v1/explain", { body: { ...question, key: log.key, metadata: declared } });
      } catch (problem) {
        // A key that is gone was still somebody's.
        if (problem instanceof Problem && problem.code === "key_unknown") return ask("post", "/api/v1/explain", { body: { ...question, ...person } });
        throw problem;
      }
    },
  });
  const found = explain.data;
  const forwarded = found?.outcome === "forward";
  return (
    <div>
      <Button variant="default" leftSection={<IconHelpCircle size={14} />} loading={explain.isPending} onClick={() => explain.mutate()}>
        Explain: would it go through now?
      </Button>
      {explain.error && (
        <Box mt="xs">
          <Failed error={explain.error} what="It cannot be explained" />
        </Box>
      )}
      {found && (
        <Alert
          mt="xs"
          role="status"
          variant="outline"
          color={forwarded ? "teal" : "red"}
          icon={forwarded ? <IconCircleCheck size={18} /> : <IconBan size={18} />}
          title={forwarded ? "It would be sent now" : "It would be refused now"}
        >
          {!forwarded && <Text size="sm">{found.decisions.findLast((decision) => decision.outcome === "deny")?.detail || found.code.replaceAll("_", " ")}</Text>}
          <Group gap="xs">
            {found.quote && (
              <Text size="sm">
                It may cost <Amount of={found.quote.bound_usd} fw={600} /> at the most.
              </Text>
            )}
            {found.downgraded_to && <Text size="sm">A budget sends it to {found.downgraded_to} instead.</Text>}
          </Group>
          {found.budgets.length > 0 && (
            <Table mt="xs" aria-label="Budgets now">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Budget</Table.Th>
                  <Table.Th ta="right">Left</Table.Th>
                  <Table.Th ta="right">Needed</Table.Th>
                  <Table.Th>Says</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {found.budgets.map((leg) => (
                  <Table.Tr key={leg.account}>
                    <Table.Td>
                      <Link to="/budgets" search={{ open: leg.budget } as never} className="tw-link">
                        {leg.account}
                      </Link>
                    </Table.Td>
                    <Table.Td ta="right">
                      <Amount of={leg.available_usd} unknown="no limit" />
                    </Table.Td>
                    <Table.Td ta="right">
                      <Amount of={leg.needed_usd} />
                    </Table.Td>
                    <Table.Td>{leg.refuses ? leg.verdict : leg.verdict === "fits" ? "fits" : `${leg.verdict}, only watched`}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          )}
        </Alert>
      )}
    </div>
  );
}

/** What asks the same again in a shell: the key stays a variable, and nothing that a caller wrote ends a quote or steers a terminal. */
export function curl(log: Pick<Detail, "method" | "path" | "gateway">, asked: unknown, origin: string): string {
  const path = log.path.replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(/\p{Cs}/u.test(character) ? "\ufffd" : character));
  const lines = [`curl -X ${quoted(log.method)} ${quoted(origin + path)}`, `-H "Authorization: Bearer $TOLLWAY_KEY"`];
  if (log.method !== "GET") lines.push("-H 'Content-Type: application/json'", `-d ${quoted(json(asked))}`);
  return lines.join(" \\\n  ");
}

/** One word of a shell. */
function quoted(text: string): string {
  return /^\w+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** JSON in which what is not seen is escaped, as all of it may be (RFC 8259, 7). */
function json(value: unknown): string {
  return JSON.stringify(value).replace(/[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]/gu, (character) =>
    [...Array(character.length).keys()].map((place) => `\\u${character.charCodeAt(place).toString(16).padStart(4, "0")}`).join(""),
  );
}
