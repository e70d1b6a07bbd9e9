/** One model's price: where it comes from, which day it is from, what each meter costs, and a price of one's own. */

import { Drawer, Group, Stack, Table, Text, Title } from "@mantine/core";
import { Problem, useApi, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { exact } from "../money";
import { Amount } from "../pieces/amount";
import { Chip } from "../pieces/chip";
import { Dim } from "../pieces/dim";
import { Failed, Loading } from "../pieces/states";
import { count } from "../time";
import { PriceOverride, perMillion, Rerate } from "./price_override";
import { bookText, dayText, Doubts, sourceText, useBook } from "./price_source";
import { PerUnit } from "./request_money";
import { Facts } from "./request_panel";

type Price = Schemas["PriceShown"];

export function PricePanel({ open, close }: { open?: string; close: () => void }) {
  const { may } = useWho();
  const book = useBook();
  const [provider, ...rest] = (open ?? "").split("/");
  const asked = rest.join("/");
  const price = useApi("/api/v1/prices/{provider}/{model}", { path: { provider: provider ?? "", model: asked } }, { enabled: !!open });
  return (
    <Drawer opened={!!open} onClose={close} position="right" size={600} title={open ?? ""} closeButtonProps={{ "aria-label": "Close the price" }}>
      {price.error ? (
        may("prices:write") && price.error instanceof Problem && price.error.status === 404 ? (
          <Stack pb="xl">
            <Group>
              <Chip tone="unpriced">no price is known</Chip>
            </Group>
            <PriceOverride key={open} provider={provider ?? ""} model={asked} price={null} list={null} />
            <Rerate key={`${open ?? ""} rerate`} provider={provider ?? ""} model={asked} />
          </Stack>
        ) : (
          <Failed error={price.error} what="This price cannot be shown" />
        )
      ) : !price.data || price.isPlaceholderData ? (
        <Loading rows={6} />
      ) : (
        <Stack pb="xl">
          <Doubts disagreements={price.data.disagreements} />
          <Facts
            facts={[
              ["Known as", price.data.names.join(", ") || null],
              ["Source", price.data.price ? <Source key="source" price={price.data.price} name={sourceText(price.data.price.source, book)} /> : <Dim key="source">no list has a price of it</Dim>],
              ["Own price", price.data.override ? `as the settings say for ${price.data.override}` : null],
              ["The list says", price.data.override && price.data.list_price ? listed(price.data.list_price) : null],
              ["Valid from", price.data.price ? validFrom(price.data.price) : null],
              ["Valid until", price.data.price?.effective_to ? dayText(price.data.price.effective_to) : null],
              ["Checked on", price.data.price && price.data.price.source !== "settings" ? <Dim key="checked">not known of one price; {bookText(book) ? `it is of the ${bookText(book) ?? ""}` : "the day of the list is not known either"}</Dim> : null],
              ["Price id", price.data.price?.id ?? null],
              ["Context", price.data.context_window === null ? null : `${count(price.data.context_window)} tokens`],
              ["Longest answer", price.data.max_output_tokens === null ? null : `${count(price.data.max_output_tokens)} tokens`],
              ["Service tiers", Object.keys(price.data.service_tiers).join(", ") || null],
            ]}
          />
          <Title order={3}>Meters</Title>
          {price.data.price ? (
            <Table aria-label="Meters">
              <Table.Tbody>
                {price.data.price.meters.map((each) => (
                  <Table.Tr key={each.meter}>
                    <Table.Td>
                      {each.meter.replaceAll("_", " ")}
                      {each.source !== price.data.price?.source && (
                        <Text size="xs" c="dimmed">
                          as {sourceText(each.source, book)} says
                        </Text>
                      )}
                    </Table.Td>
                    <Table.Td ta="right">
                      <Amount of={each.amount_usd} places="all" /> <PerUnit per={each.per} /> <Text span inherit c="dimmed">{each.unit}</Text>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          ) : (
            <Chip tone="unpriced">no price is known</Chip>
          )}
          {price.data.dates.length > 1 && <InTime dates={price.data.dates} />}
          {may("prices:write") && <PriceOverride key={open} provider={price.data.provider} model={price.data.priced_as} price={price.data.price} list={price.data.list_price} />}
          <Rerate key={`${open} rerate`} provider={price.data.provider} model={price.data.priced_as} />
        </Stack>
      )}
    </Drawer>
  );
}

/** What the list says of other days and hours. */
function InTime({ dates }: { dates: Schemas["ListedPriceDetail"]["dates"] }) {
  return (
    <section>
      <Title order={3} mb="xs">
        In time, as listed
      </Title>
      <Table aria-label="Prices in time">
        <Table.Tbody>
          {dates.map((each) => (
            <Table.Tr key={`${each.since ?? ""} ${each.daily ?? ""}`}>
              <Table.Td>
                {each.since ? `from ${dayText(each.since)}` : each.daily ? "every day" : <Dim>before, since a day not known</Dim>}
                {each.daily && `, ${each.daily} UTC`}
              </Table.Td>
              <Table.Td ta="right" style={{ whiteSpace: "nowrap" }}>{listed(each.price) || <Dim>no tokens</Dim>}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  );
}

function validFrom(price: Price) {
  if (price.effective_from) return dayText(price.effective_from);
  return price.source === "settings" ? <Dim>no day is set; it holds as long as it is in the settings</Dim> : <Dim>not known: the list names no day</Dim>;
}

function Source({ price, name }: { price: Price; name: string }) {
  return price.source_url && /^https:/.test(price.source_url) ? (
    <a href={price.source_url} target="_blank" rel="noreferrer" className="tw-link">
      {name}
    </a>
  ) : (
    <>{name}</>
  );
}

function listed(price: Price): string {
  const words = (["input", "output"] as const).map((name) => {
    const amount = perMillion(price, name);
    return amount === null ? "" : `${name} ${exact(amount)}`;
  });
  return words.filter(Boolean).join(", ");
}
