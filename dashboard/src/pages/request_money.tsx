/** What a request cost, line by line, and what that did to each budget that counted it. */

import { Table, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Schemas } from "../api/client";
import { useWho } from "../api/session";
import { nanodollars, placesOf, sum, type Sum } from "../money";
import { Amount } from "../pieces/amount";
import { Chip } from "../pieces/chip";
import { count } from "../time";

type Detail = Schemas["LogDetail"];
type Hold = Schemas["HoldShown"];

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

const NO_AMOUNT = { charged: "unknown", kept: "kept answer", not_sent: "not sent", not_billed: "$0.00 · not billed", unknown: "unknown" } as const;

/** In a word what a request cost: a refusal was never sent, a provider's error is not billed, and an answer without a price costs what nobody knows. */
export function Charged({ log }: { log: Schemas["LogShown"] }) {
  if (log.billing === "unknown" && log.usage !== null) return <Chip tone="unpriced">no price</Chip>;
  return <Amount of={log.billing === "kept" ? null : log.amount_usd} unknown={NO_AMOUNT[log.billing]} />;
}

export function Charge({ log }: { log: Detail }) {
  if (!log.charge)
    return (
      <Text size="sm" c="dimmed">
        {log.billing === "kept" ? (
          <>
            Nothing: the answer was kept from a request before. It cost <Amount of={log.saved_usd} /> then.
          </>
        ) : log.billing === "not_sent" ? (
          "Nothing was sent to a provider, so nothing was charged."
        ) : log.billing === "not_billed" ? (
          "Nothing was billed: the provider answered with an error, and what was held was given back."
        ) : log.entries.some(({ kind }) => kind === "unpriced") ? (
          "What it cost is not known: this model has no price."
        ) : (
          "The ledger has no charge for it."
        )}
      </Text>
    );
  const places = placesOf([{ parts: log.charge.lines.map((line) => nanodollars(line.amount_usd)), total: nanodollars(log.charge.amount_usd) }]);
  return (
    <>
      <div className="tw-scroll" tabIndex={0} role="group" aria-label="Charge">
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
            {log.charge.lines.map((line, number) => (
              <Table.Tr key={number}>
                <Table.Td>{line.meter.replaceAll("_", " ")}</Table.Td>
                <Table.Td ta="right" className="tw-number">
                  {line.quantity.toLocaleString("en-US")}
                </Table.Td>
                <Table.Td ta="right">
                  <Amount of={line.unit_price.amount_usd} places="all" /> <PerUnit per={line.unit_price.per} />
                </Table.Td>
                <Table.Td ta="right">
                  <Amount of={line.amount_usd} places={places} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
          <Table.Tfoot>
            <Table.Tr>
              <Table.Th colSpan={3}>Total, {BASIS[log.charge.basis]}</Table.Th>
              <Table.Th ta="right">
                <Amount of={log.charge.amount_usd} places={places} />
              </Table.Th>
            </Table.Tr>
          </Table.Tfoot>
        </Table>
      </div>
      {log.charge.price_id && (
        <Text size="xs" c="dimmed" mt={4}>
          Price{" "}
          {log.provider && (log.response_model ?? log.request_model) ? (
            <Link to="/prices" search={{ open: `${log.provider}/${log.response_model ?? log.request_model ?? ""}` } as never} className="tw-link">
              {log.charge.price_id}
            </Link>
          ) : (
            <span className="tw-inline-code">{log.charge.price_id}</span>
          )}
        </Text>
      )}
    </>
  );
}

/** What stood on each account before, and what stands behind it; a refusal holds nothing. */
export function Holds({ log }: { log: Detail }) {
  const { may } = useWho();
  const budget = log.code.startsWith("budget_") ? log.decisions.find((decision) => decision.outcome === "deny")?.rule : undefined;
  if (log.holds.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {budget ? (
          <>
            Refused by{" "}
            {may("budgets:read") ? (
              <Link to="/budgets" search={{ open: budget } as never} className="tw-link">
                {budget}
              </Link>
            ) : (
              budget
            )}{" "}
            before anything was held.
          </>
        ) : (
          "Nothing was held."
        )}
      </Text>
    );
  const places = placesOf(log.holds.flatMap((hold) => sumOf(hold, log)));
  return (
    <div className="tw-scroll" tabIndex={0} role="group" aria-label="Budgets">
      <Table aria-label="Holds">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Account</Table.Th>
            <Table.Th ta="right">Spent before</Table.Th>
            <Table.Th ta="right">Held for it</Table.Th>
            <Table.Th ta="right">Spent behind it</Table.Th>
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
                {!hold.enforced && (
                  <Text span inherit c="dimmed">
                    {" "}
                    watched
                  </Text>
                )}
              </Table.Td>
              <Table.Td ta="right">
                <Amount of={hold.spent_before_usd} places={places} />
              </Table.Td>
              <Table.Td ta="right">
                <Amount of={hold.last_usd} places={places} />
                {hold.raises !== null && hold.raises > 0 && (
                  <Text size="xs" c="dimmed">
                    raised {hold.raises} ×
                  </Text>
                )}
              </Table.Td>
              <Table.Td ta="right">
                <Amount of={behind(hold, log)} places={places} />
              </Table.Td>
              <Table.Td ta="right">
                <Amount of={hold.limit_usd} unknown="no limit" />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function behind(hold: Hold, log: Detail): bigint | null {
  return sumOf(hold, log)[0]?.total ?? null;
}

/** What was spent before, and the charge, add up to what is spent behind it; none where either is not known. */
function sumOf(hold: Hold, log: Detail): Sum[] {
  const charged = log.amount_usd ?? (log.billing === "not_billed" || log.billing === "not_sent" ? "0" : null);
  if (hold.spent_before_usd === null || charged === null) return [];
  const parts = [nanodollars(hold.spent_before_usd), nanodollars(charged)];
  return [{ parts, total: sum(parts) }];
}
