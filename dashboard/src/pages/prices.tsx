/** What do models cost us? */

import { Button, Group, SegmentedControl, Text, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { notifications } from "@mantine/notifications";
import { useApi, useChange, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { nanodollars } from "../money";
import { Amount } from "../pieces/amount";
import { Chip } from "../pieces/chip";
import { Dim } from "../pieces/dim";
import { Page, Panel } from "../pieces/page";
import { Empty, Failed, Loading } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { useAddress } from "../shell/address";
import { count } from "../time";
import { PricePanel } from "./price_panel";
import { bookText, dayText, differenceOf, differenceText, SourceCell, useBook, ValidFrom } from "./price_source";
import { PerUnit } from "./request_money";

type Price = Schemas["ListedPrice"];
type Missing = Schemas["UnpricedModel"];
type Doubt = Schemas["DisagreementShown"];

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
            { value: "own", label: "Own prices" },
            { value: "disagree", label: "Disagreements" },
            ...(may("status:read") ? [{ value: "providers", label: "Providers" }] : []),
          ]}
          value={tab}
          onChange={(value) => go({ tab: value === "prices" ? undefined : value, open: undefined })}
        />
        {tab === "prices" && <Search />}
      </Group>
      {tab === "unpriced" ? <Unpriced /> : tab === "own" ? <Own /> : tab === "disagree" ? <Disagree /> : tab === "providers" ? <Providers /> : <List />}
      <PricePanel open={address.open} close={() => go({ open: undefined })} />
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
  const { may } = useWho();
  const book = useBook();
  const [cursors, setCursors] = useState<string[]>([]);
  const wanted = (address.q ?? "").trim();
  const prices = useApi("/api/v1/prices", {
    query: { model: wanted ? (wanted.includes("*") ? wanted : `*${wanted}*`) : undefined, limit: 100, cursor: wanted ? undefined : cursors.at(-1) },
  });
  return (
    <Panel title="Prices now" flush hint={bookText(book) ?? prices.data?.price_book}>
      {prices.error ? (
        <Failed error={prices.error} what="Prices cannot be shown" again={() => void prices.refetch()} />
      ) : !prices.data ? (
        <Group p="md">
          <Loading rows={10} />
        </Group>
      ) : prices.data.items.length === 0 ? (
        <Empty title={`No model is called ${wanted}`}>
          {wanted.includes("/") && may("prices:write") ? (
            <Button variant="default" mt="xs" onClick={() => go({ open: wanted })}>
              Set a price for {wanted}
            </Button>
          ) : (
            "Write it as provider/model to set a price for it."
          )}
        </Empty>
      ) : (
        <>
          <DataTable
            label="Prices"
            columns={columns(book)}
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
      <Amount of={found.amount_usd} places="all" /> <PerUnit per={found.per} />
    </>
  ) : (
    // What has no price of its own is billed as what it is a part of.
    <Dim>{name === "cache_read" && meter(price, "input") ? "as input" : "none"}</Dim>
  );
}

const columns = (book: ReturnType<typeof useBook>): readonly Column<Price>[] => [
  { id: "model", head: "Model", by: (price) => price.model, cell: (price) => <b>{price.model}</b> },
  { id: "provider", head: "Provider", by: (price) => price.provider, cell: (price) => price.provider, width: 130 },
  { id: "input", head: "Input", number: true, cell: (price) => <Rate price={price} name="input" /> },
  { id: "cached", head: "Cached input", number: true, cell: (price) => <Rate price={price} name="cache_read" /> },
  { id: "output", head: "Output", number: true, cell: (price) => <Rate price={price} name="output" /> },
  { id: "source", head: "Source", cell: ({ price, override, disagreements }) => <SourceCell price={price} override={override} book={book} disagreements={disagreements} /> },
  { id: "from", head: "Valid from", by: ({ price }) => price?.effective_from ?? null, cell: ({ price }) => <ValidFrom price={price} /> },
];

/** The prices of the settings, in the order in which they are tried. */
function Own() {
  const { may } = useWho();
  const [, go] = useAddress();
  const own = useApi("/api/v1/prices/overrides", { query: { limit: 500 } });
  const remove = useChange("delete", "/api/v1/prices/overrides/{override_id}");
  if (own.error) return <Failed error={own.error} what="Own prices cannot be shown" again={() => void own.refetch()} />;
  if (!own.data) return <Loading rows={5} />;
  return (
    <Panel title="Prices of your own" flush hint="the first that matches holds">
      {remove.error && <Failed error={remove.error} what="It was not taken out" />}
      {own.data.items.length === 0 ? (
        <Empty title="Every price is the list's">Open a model under Prices to set another one: whole, a percentage less or more, or free.</Empty>
      ) : (
        <DataTable
          label="Own prices"
          fixed
          rows={own.data.items}
          keyOf={(item) => item.id}
          columns={[
            { id: "for", head: "For", cell: (item) => <b>{`${String(item.override.provider)}/${String(item.override.model)}`}</b> },
            { id: "says", head: "Says", cell: (item) => said(item.override) },
            { id: "dates", head: "In force", cell: (item) => <OwnDates active={item.active} override={item.override} /> },
            {
              id: "acts",
              head: <span className="tw-hidden">Actions</span>,
              cell: (item) => (
                <Group gap="xs" justify="end" wrap="nowrap">
                  {!String(item.override.model).includes("*") && (
                    <Button variant="default" size="compact-xs" onClick={() => go({ open: `${String(item.override.provider)}/${String(item.override.model)}` })}>
                      Open
                    </Button>
                  )}
                  {may("prices:write") && (
                    <Button
                      variant="default"
                      size="compact-xs"
                      loading={remove.isPending && remove.variables?.path?.override_id === item.id}
                      onClick={() =>
                        remove.mutate(
                          { path: { override_id: item.id } },
                          { onSuccess: (gone) => notifications.show({ title: "The list's price holds again", message: gone.warnings.join(" "), color: gone.warnings.length ? "yellow" : "teal" }) },
                        )
                      }
                    >
                      Take out
                    </Button>
                  )}
                </Group>
              ),
            },
          ]}
        />
      )}
    </Panel>
  );
}

function OwnDates({ active, override: { effective_from: from, effective_to: to } }: { active: boolean; override: Record<string, unknown> }) {
  const day = (at: unknown) => (/T/.test(String(at)) ? dayText(String(at)) : String(at));
  return (
    <>
      {active ? <Chip tone="good">now</Chip> : <Chip tone="dim">by its dates, not now</Chip>}
      <Text size="xs" c="dimmed">
        {from ? `from ${day(from)}` : "from no day on"}
        {to ? `, until ${day(to)}` : ""}
      </Text>
    </>
  );
}

function said(override: Record<string, unknown>): string {
  return Object.entries(override)
    .filter(([name]) => !["provider", "model", "effective_from", "effective_to"].includes(name))
    .map(([name, value]) => (value === true ? name : `${name.replaceAll("_", " ")} ${/^\d/.test(String(value)) && !String(value).includes("%") ? "$" : ""}${typeof value === "object" ? JSON.stringify(value) : String(value)}`))
    .join(", ");
}

/** What was spent on models in 30 days, by "list/model" as disagreements name them; undefined while nobody knows. */
function useSpent(): ReadonlyMap<string, bigint> | undefined {
  const { may } = useWho();
  const allowed = may("analytics:read") && may("status:read");
  const status = useApi("/api/v1/status", {}, { enabled: allowed });
  const used = useApi("/api/v1/analytics", { query: { by: "provider,model", metrics: "cost", limit: 1000 } }, { enabled: allowed });
  return useMemo(() => {
    if (!status.data || !used.data) return undefined;
    const lists = new Map(status.data.providers.map(({ slug, price_list }) => [slug, price_list ?? slug]));
    const spent = new Map<string, bigint>();
    for (const { group, whole } of used.data.groups) {
      const name = `${lists.get(group.provider ?? "") ?? group.provider ?? ""}/${(group.model ?? "").toLowerCase()}`;
      spent.set(name, (spent.get(name) ?? 0n) + nanodollars(whole.cost?.spent_usd ?? "0"));
    }
    return spent;
  }, [status.data, used.data]);
}

/** Where the two public lists do not say the same: what is in use comes first. */
function Disagree() {
  const [, go] = useAddress();
  const found = useApi("/api/v1/prices/diff");
  const book = useBook();
  const spent = useSpent();
  if (found.error) return <Failed error={found.error} what="Disagreements cannot be shown" again={() => void found.refetch()} />;
  if (!found.data) return <Loading rows={8} />;
  const spentOn = (item: Doubt) => spent?.get(`${item.provider}/${item.model.toLowerCase()}`) ?? null;
  const items = [...found.data.items].sort((a, b) => {
    const [here, there] = [spentOn(a) ?? -1n, spentOn(b) ?? -1n];
    return here < there ? 1 : here > there ? -1 : 0;
  });
  return (
    <Panel title="Where two public lists disagree" flush hint={`${items.length} prices, ${spent ? "those in use first, then " : ""}the largest difference first; ${bookText(book) ?? found.data.price_book}`}>
      {items.length === 0 ? (
        <Empty title="They agree on every price that both have" />
      ) : (
        <DataTable
          label="Disagreements"
          rows={items.slice(0, 200)}
          keyOf={(item) => `${item.provider}/${item.model} ${item.meter}`}
          open={(item) => go({ open: `${item.provider}/${item.model}` })}
          columns={[
            { id: "model", head: "Model", by: (item) => item.model, cell: (item) => <b>{`${item.provider}/${item.model}`}</b> },
            { id: "meter", head: "Meter, for 1 M", by: (item) => item.meter, cell: (item) => item.meter.replaceAll("_", " ") },
            {
              id: "genai",
              head: "genai-prices",
              number: true,
              cell: (item) => (
                <>
                  <Amount of={item.genai_prices_usd} places="all" />
                  {item.charged_as && <Text size="xs" c="dimmed">as {item.charged_as.replaceAll("_", " ")}</Text>}
                </>
              ),
            },
            { id: "litellm", head: "LiteLLM", number: true, cell: (item) => <Amount of={item.litellm_usd} places="all" /> },
            { id: "difference", head: "Difference", number: true, by: (item) => Math.abs(differenceOf(item.difference_percent)), cell: (item) => differenceText(item.difference_percent) },
            { id: "used", head: "Charged", number: true, cell: (item) => <Amount of={item.used_usd} places="all" /> },
            { id: "by", head: "Where from", cell: (item) => <span className="tw-number">{item.used}</span> },
            ...(spent
              ? [
                  {
                    id: "spent",
                    head: "Spent, 30 days",
                    number: true,
                    by: spentOn,
                    cell: (item: Doubt) => {
                      const amount = spentOn(item);
                      return amount === null ? <Dim>not used</Dim> : <Amount of={amount} fw={600} />;
                    },
                  },
                ]
              : []),
          ]}
        />
      )}
    </Panel>
  );
}

function Unpriced() {
  const { may } = useWho();
  const [, go] = useAddress();
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
          <DataTable
            label="Models without a price"
            columns={
              may("prices:write")
                ? [
                    ...MISSING,
                    {
                      id: "set",
                      head: <span className="tw-hidden">Actions</span>,
                      cell: (item) => (
                        <Button variant="default" size="compact-xs" onClick={() => go({ open: `${item.provider}/${item.model}` })}>
                          {item.priced_now ? "Correct what was charged" : "Set a price"}
                        </Button>
                      ),
                    },
                  ]
                : MISSING
            }
            rows={items}
            keyOf={(item) => `${item.provider}/${item.model}`}
          />
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
  // Without a key of its own a provider is called only where a gateway lets callers bring theirs.
  const callers = status.data.gateways.some((gateway) => gateway.provider_keys === "caller");
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
          { id: "key", head: "Key", cell: (provider) => (provider.has_key ? <Chip tone="good">has a key</Chip> : <Chip tone="dim">{callers ? "the caller's own" : "no key"}</Chip>) },
          { id: "list", head: "Price list", cell: (provider) => provider.price_list ?? <Chip tone="unpriced">none</Chip> },
        ]}
      />
    </Panel>
  );
}
