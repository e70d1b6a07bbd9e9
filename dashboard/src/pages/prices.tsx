/** What do models cost us? */

import { Button, Drawer, Group, SegmentedControl, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { useApi, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { Amount } from "../pieces/amount";
import { Chip } from "../pieces/chip";
import { Page, Panel } from "../pieces/page";
import { Empty, Failed, Loading } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { useAddress } from "../shell/address";
import { count } from "../time";
import { Facts, PerUnit } from "./request_panel";

type Price = Schemas["ListedPrice"];
type Missing = Schemas["UnpricedModel"];

export function Prices() {
  const [address, go] = useAddress();
  const { may } = useWho();
  const tab = address.tab ?? "prices";
  return (
    <Page title="Providers and prices" question="What do models cost us, and which have no price?">
      <Group mb="sm">
        <SegmentedControl
          size="xs"
          aria-label="What to show"
          data={[
            { value: "prices", label: "Prices" },
            { value: "unpriced", label: "Without a price" },
            ...(may("status:read") ? [{ value: "providers", label: "Providers" }] : []),
          ]}
          value={tab}
          onChange={(value) => go({ tab: value === "prices" ? undefined : value, open: undefined })}
        />
        {tab === "prices" && <Search />}
      </Group>
      {tab === "unpriced" ? <Unpriced /> : tab === "providers" ? <Providers /> : <List />}
      <PricePanel open={tab === "prices" ? address.open : undefined} close={() => go({ open: undefined })} />
    </Page>
  );
}

function Search() {
  const [address, go] = useAddress();
  return (
    <TextInput
      size="xs"
      aria-label="Find a model"
      placeholder="gpt-5, claude-*, …"
      leftSection={<IconSearch size={14} />}
      value={address.q ?? ""}
      onChange={(event) => go({ q: event.currentTarget.value || undefined }, true)}
    />
  );
}

function List() {
  const [address, go] = useAddress();
  const [cursors, setCursors] = useState<string[]>([]);
  const wanted = (address.q ?? "").trim();
  const prices = useApi("/api/v1/prices", {
    query: { model: wanted ? (wanted.includes("*") ? wanted : `*${wanted}*`) : undefined, limit: 100, cursor: wanted ? undefined : cursors.at(-1) },
  });
  return (
    <Panel title="Prices now" flush hint={prices.data && `price book ${prices.data.price_book}`}>
      {prices.error ? (
        <Failed error={prices.error} what="Prices cannot be shown" again={() => void prices.refetch()} />
      ) : !prices.data ? (
        <Group p="md">
          <Loading rows={10} />
        </Group>
      ) : prices.data.items.length === 0 ? (
        <Empty title={`No model is called ${wanted}`}>A price for it can be set in the settings, under prices.</Empty>
      ) : (
        <>
          <DataTable
            label="Prices"
            columns={COLUMNS}
            rows={prices.data.items}
            keyOf={(price) => `${price.provider}/${price.model}`}
            open={(price) => go({ open: `${price.provider}/${price.model}` })}
            isOpen={(price) => `${price.provider}/${price.model}` === address.open}
          />
          <Group justify="end" p="sm" gap="xs">
            <Button variant="default" disabled={cursors.length === 0} onClick={() => setCursors(cursors.slice(0, -1))}>
              Before
            </Button>
            <Button variant="default" disabled={!prices.data.next || !!wanted} onClick={() => prices.data?.next && setCursors([...cursors, prices.data.next])}>
              More
            </Button>
          </Group>
        </>
      )}
    </Panel>
  );
}

const meter = (price: Price, name: string) => price.price?.meters.find((each) => each.meter === name);

function Rate({ price, name }: { price: Price; name: string }) {
  const found = meter(price, name);
  if (!price.price) return <Chip tone="unpriced">no price</Chip>;
  if (price.price.free) return <>free</>;
  return found ? (
    <>
      <Amount of={found.amount_usd} /> <PerUnit per={found.per} />
    </>
  ) : (
    <Text span inherit c="dimmed">
      —
    </Text>
  );
}

const COLUMNS: readonly Column<Price>[] = [
  { id: "provider", head: "Provider", by: (price) => price.provider, cell: (price) => price.provider, width: 130 },
  { id: "model", head: "Model", by: (price) => price.model, cell: (price) => <b>{price.model}</b> },
  { id: "input", head: "Input", number: true, cell: (price) => <Rate price={price} name="input" /> },
  { id: "cached", head: "Cached input", number: true, cell: (price) => <Rate price={price} name="cache_read" /> },
  { id: "output", head: "Output", number: true, cell: (price) => <Rate price={price} name="output" /> },
  { id: "source", head: "Source", cell: (price) => (price.override ? <Chip tone="near">own price</Chip> : (price.price?.source ?? "—")) },
];

function PricePanel({ open, close }: { open?: string; close: () => void }) {
  const [provider, ...rest] = (open ?? "").split("/");
  const price = useApi("/api/v1/prices/{provider}/{model}", { path: { provider: provider ?? "", model: rest.join("/") } }, { enabled: !!open });
  return (
    <Drawer opened={!!open} onClose={close} position="right" size={540} title={open ?? ""} closeButtonProps={{ "aria-label": "Close the price" }}>
      {price.error ? (
        <Failed error={price.error} what="This price cannot be shown" />
      ) : !price.data || `${price.data.provider}/${price.data.model}` !== open ? (
        <Loading rows={6} />
      ) : (
        <Stack pb="xl">
          <Facts
            facts={[
              ["Known as", price.data.names.join(", ") || null],
              ["Source", price.data.price?.source ?? null],
              ["Price id", price.data.price?.id ?? null],
              ["In force since", price.data.price?.effective_from ?? null],
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
                    <Table.Td>{each.meter.replaceAll("_", " ")}</Table.Td>
                    <Table.Td ta="right">
                      <Amount of={each.amount_usd} /> <PerUnit per={each.per} /> <Text span inherit c="dimmed">{each.unit}</Text>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          ) : (
            <Chip tone="unpriced">no price is known</Chip>
          )}
        </Stack>
      )}
    </Drawer>
  );
}

function Unpriced() {
  const unpriced = useApi("/api/v1/prices/unpriced");
  if (unpriced.error) return <Failed error={unpriced.error} what="It cannot be shown" again={() => void unpriced.refetch()} />;
  if (!unpriced.data) return <Loading rows={5} />;
  const { items, settings, since } = unpriced.data;
  return (
    <Panel title="Used, or asked for, without a price" flush hint={`since ${since.slice(0, 10)}`}>
      {items.length === 0 && settings.length === 0 ? (
        <Empty title="Every model in use has a price" />
      ) : (
        <>
          <DataTable label="Models without a price" columns={MISSING} rows={items} keyOf={(item) => `${item.provider}/${item.model}`} />
          {settings.length > 0 && (
            <Text size="sm" p="md">
              Named in the settings, without a price: {settings.map((each) => `${each.model} (${each.where})`).join(", ")}
            </Text>
          )}
        </>
      )}
    </Panel>
  );
}

const MISSING: readonly Column<Missing>[] = [
  { id: "model", head: "Model", by: (item) => item.model, cell: (item) => <b>{`${item.provider}/${item.model}`}</b> },
  { id: "now", head: "By now", cell: (item) => (item.priced_now ? <Chip tone="good">has a price</Chip> : <Chip tone="unpriced">no price</Chip>) },
  { id: "requests", head: "Requests", number: true, by: (item) => item.requests, cell: (item) => count(item.requests) },
  { id: "refused", head: "Refused", number: true, by: (item) => item.refused, cell: (item) => count(item.refused) },
  { id: "in", head: "Tokens in", number: true, cell: (item) => count(item.input_tokens) },
  { id: "out", head: "Tokens out", number: true, cell: (item) => count(item.output_tokens) },
  { id: "counted", head: "Counted at ceilings", number: true, cell: (item) => <Amount of={item.at_ceiling_usd} /> },
];

function Providers() {
  const status = useApi("/api/v1/status");
  if (status.error) return <Failed error={status.error} what="Providers cannot be shown" again={() => void status.refetch()} />;
  if (!status.data) return <Loading rows={5} />;
  return (
    <Panel title="Providers in the settings" flush>
      <DataTable
        label="Providers"
        rows={status.data.providers}
        keyOf={(provider) => provider.slug}
        columns={[
          { id: "slug", head: "Name", by: (provider) => provider.slug, cell: (provider) => <b>{provider.slug}</b> },
          { id: "family", head: "API", cell: (provider) => provider.family },
          { id: "host", head: "Host", cell: (provider) => provider.host },
          { id: "key", head: "Key", cell: (provider) => (provider.has_key ? <Chip tone="good">has a key</Chip> : <Chip tone="dim">the caller's own</Chip>) },
          { id: "list", head: "Price list", cell: (provider) => provider.price_list ?? <Chip tone="unpriced">none</Chip> },
        ]}
      />
    </Panel>
  );
}
