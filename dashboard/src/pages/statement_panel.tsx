/** One statement: what was used, by whom, and what was adjusted. */

import { Button, Drawer, Group, Stack, Table, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useApi, type Schemas } from "../api/client";
import { Amount } from "../pieces/amount";
import { Said } from "../pieces/said";
import { Failed, Loading } from "../pieces/states";
import { count } from "../time";
import { documentAddress, monthName } from "./statement_months";

interface Props {
  month: string;
  by: string;
  timezone?: string;
  /** Whose; empty for what has no value. */
  value: string;
  close: () => void;
}

type Line = Schemas["StatementLineShown"];

/** Of a name in the title; what is longer is in the address. */
const LONGEST_TITLE = 80;

export function StatementPanel({ month, by, timezone, value, close }: Props) {
  // An empty value is one too: the question says so by itself.
  const found = useApi("/api/v1/statements/{month}/document", { path: { month }, query: { by, timezone, value: value || undefined, format: "json" } });
  const wanted = found.data?.statements.find((each) => (each.value ?? "") === value);
  const file = (format: string) => documentAddress(month, { by, timezone, value, format });
  const name = value || `no ${by.replace("metadata.", "").replace("_", " ")}`;
  return (
    <Drawer opened onClose={close} position="right" size={720} title={`${name.length > LONGEST_TITLE ? `${name.slice(0, LONGEST_TITLE)}…` : name}, ${monthName(month)}`} closeButtonProps={{ "aria-label": "Close" }}>
      {found.error ? (
        <Failed error={found.error} what="The statement cannot be shown" again={() => void found.refetch()} />
      ) : !wanted ? (
        <Loading rows={8} />
      ) : (
        <Stack gap="lg">
          <Group justify="space-between" align="end">
            <div>
              <Amount of={wanted.total.total_usd} className="tw-headline" />
              <Text size="xs" c="dimmed">
                usage <Amount of={wanted.total.usage_usd} /> · presumed <Amount of={wanted.total.presumed_usd} /> · adjustments{" "}
                <Amount of={wanted.total.adjustments_usd} />
                {wanted.total.unpriced > 0 && ` · ${count(wanted.total.unpriced)} calls without a price are in no amount`}
              </Text>
            </div>
            <Group gap="xs">
              <Button component="a" href={file("pdf")} download variant="default" leftSection={<IconDownload size={14} />}>
                PDF
              </Button>
              <Button component="a" href={file("csv")} download variant="default" leftSection={<IconDownload size={14} />}>
                CSV
              </Button>
            </Group>
          </Group>
          <Lines title="Usage" lines={wanted.lines} />
          {wanted.presumed.length > 0 && <Lines title="Presumed: held for answers whose end is not known" lines={wanted.presumed} />}
          {wanted.adjustments.length > 0 && <Adjustments lines={wanted.adjustments} />}
          <section>
            <Text fw={600} mb={6}>
              By user
            </Text>
            <Table aria-label="By user" className="tw-table">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>User</Table.Th>
                  <Table.Th ta="right">Calls</Table.Th>
                  <Table.Th ta="right">Total</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {wanted.users.map((user) => (
                  <Table.Tr key={user.value ?? ""}>
                    <Table.Td>
                      {user.value !== null ? (
                        <div className="tw-clip">
                          <Said text={user.value} />
                        </div>
                      ) : (
                        <span className="tw-dim">no person</span>
                      )}
                    </Table.Td>
                    <Table.Td data-number>{count(user.attempts)}</Table.Td>
                    <Table.Td data-number>
                      <Amount of={user.total_usd} />
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </section>
        </Stack>
      )}
    </Drawer>
  );
}

function Lines({ title, lines }: { title: string; lines: readonly Line[] }) {
  return (
    <section>
      <Text fw={600} mb={6}>
        {title}
      </Text>
      <Table aria-label={title} className="tw-table">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Model</Table.Th>
            <Table.Th>Meter</Table.Th>
            <Table.Th ta="right">Quantity</Table.Th>
            <Table.Th ta="right">Amount</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {lines.map((line) => (
            <Table.Tr key={`${line.provider} ${line.model} ${line.meter}`}>
              <Table.Td>
                <div className="tw-clip">
                  <Said text={line.model} /> <span className="tw-dim">{line.provider}</span>
                </div>
              </Table.Td>
              <Table.Td>{line.meter.replaceAll("_", " ")}</Table.Td>
              <Table.Td data-number>{line.quantity.toLocaleString("en-US")}</Table.Td>
              <Table.Td data-number>
                <Amount of={line.amount_usd} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  );
}

function Adjustments({ lines }: { lines: readonly Schemas["StatementAdjustmentShown"][] }) {
  return (
    <section>
      <Text fw={600} mb={6}>
        Adjustments
      </Text>
      <Table aria-label="Adjustments" className="tw-table">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>For</Table.Th>
            <Table.Th>What</Table.Th>
            <Table.Th ta="right">Amount</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {lines.map((line, number) => (
            <Table.Tr key={line.entry ?? number}>
              <Table.Td>{monthName(line.amends)}</Table.Td>
              <Table.Td>
                {line.word ?? `${line.kind}, ${line.model}`}
                {line.booked_by && <span className="tw-dim"> · {line.booked_by}</span>}
                {line.word === null && <span className="tw-dim"> · {count(line.entries)} entries</span>}
              </Table.Td>
              <Table.Td data-number>
                <Amount of={line.amount_usd} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  );
}
