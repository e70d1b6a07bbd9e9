/** A price of one's own: set whole, less or more than the list, or free; with about what it changes before it does. */

import { Alert, Button, Checkbox, Group, SegmentedControl, Stack, Text, TextInput, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState, type FormEvent } from "react";
import { useApi, useChange, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { decimal, nanodollars, typed, type Nanodollars } from "../money";
import { Amount } from "../pieces/amount";
import { Failed } from "../pieces/states";
import { count, iso, span } from "../time";
import { changedBy, costOf, type Rates } from "./price_effect";

type Price = Schemas["PriceShown"];
type Way = "set" | "discount" | "markup" | "free";

const METERS = [
  ["input", "Input"],
  ["output", "Output"],
  ["cache_read", "Cached input"],
  ["cache_write", "Cache write"],
] as const;
const MILLION = 1_000_000;

interface Props {
  provider: string;
  model: string;
  /** What it costs now; null where nobody knows. */
  price: Price | null;
  list: Price | null;
  done?: () => void;
}

export function PriceOverride({ provider, model, price, list, done }: Props) {
  const [way, setWay] = useState<Way>("set");
  const [amounts, setAmounts] = useState<Record<string, string>>(() =>
    Object.fromEntries(
      METERS.flatMap(([name]) => {
        const amount = perMillion(price, name);
        return amount === null ? [] : [[name, decimal(amount)]];
      }),
    ),
  );
  const [percent, setPercent] = useState("");
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const save = useChange("post", "/api/v1/prices/overrides");
  const rates: Rates | null = ratesOf(way, amounts, percent, list);
  const wrong = Object.entries(amounts).find(([, text]) => text !== "" && typed(text) === null);
  const body = {
    provider,
    model,
    ...(way === "set" ? Object.fromEntries(Object.entries(amounts).filter(([, text]) => text !== "").map(([name, text]) => [name, decimal(typed(text) ?? 0n)])) : {}),
    ...(way === "free" ? { free: true } : {}),
    ...(way === "discount" || way === "markup" ? { [way]: `${percent.trim()}%` } : {}),
    ...(from ? { effective_from: from } : {}),
    ...(to ? { effective_to: to } : {}),
  };
  const ready = !wrong && (way !== "set" || (amounts.input ?? "") !== "") && (way === "set" || way === "free" || changedBy(1n, percent, true) !== null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // A promise, since another form stands here once the model has a price; what failed is shown by `save.error`.
    save.mutateAsync({ body }).then(
      (answer) => {
        notifications.show({ title: `${provider}/${model} has a price of your own`, message: answer.warnings.join(" "), color: answer.warnings.length ? "yellow" : "teal" });
        done?.();
      },
      () => undefined,
    );
  };
  return (
    <form onSubmit={submit} aria-label="A price of your own">
      <Title order={3} mb="xs">
        A price of your own
      </Title>
      <Stack gap="sm">
        <div className="tw-scroll-x">
          <SegmentedControl
            size="xs"
            aria-label="What kind of price"
            data={[
              { value: "set", label: "Set" },
              { value: "discount", label: "Less than list", disabled: !list },
              { value: "markup", label: "More than list", disabled: !list },
              { value: "free", label: "Free" },
            ]}
            value={way}
            onChange={(value) => setWay(value as Way)}
          />
        </div>
        {way === "set" && (
          <Group gap="sm">
            {METERS.map(([name, label]) => (
              <TextInput
                key={name}
                w={120}
                label={label}
                description="$ for 1 M"
                inputMode="decimal"
                value={amounts[name] ?? ""}
                error={amounts[name] && typed(amounts[name] ?? "") === null ? "no amount" : undefined}
                onChange={(event) => setAmounts({ ...amounts, [name]: event.currentTarget.value })}
              />
            ))}
          </Group>
        )}
        {(way === "discount" || way === "markup") && (
          <TextInput w={140} label="Percent" inputMode="decimal" rightSection="%" value={percent} onChange={(event) => setPercent(event.currentTarget.value)} />
        )}
        <Group gap="sm">
          <TextInput type="date" label="From" description="now, if empty" value={from} onChange={(event) => setFrom(event.currentTarget.value)} />
          <TextInput type="date" label="Until" description="for good, if empty" value={to} onChange={(event) => setTo(event.currentTarget.value)} />
        </Group>
        <Effect provider={provider} model={model} rates={rates} />
        {save.error && <Failed error={save.error} what="The price was not set" />}
        <Group>
          <Button type="submit" disabled={!ready} loading={save.isPending}>
            Put in force
          </Button>
          <Text size="xs" c="dimmed">
            It is written into the settings for {provider}/{model}, and holds from the next request on.
          </Text>
        </Group>
      </Stack>
    </form>
  );
}

/** For a million; null where there is no such meter, or it is priced in another way. */
export function perMillion(price: Price | null, name: string): Nanodollars | null {
  const found = price?.meters.find((each) => each.meter === name);
  return found ? (nanodollars(found.amount_usd) * BigInt(MILLION)) / BigInt(found.per) : null;
}

function ratesOf(way: Way, amounts: Record<string, string>, percent: string, list: Price | null): Rates | null {
  if (way === "free") return { input: 0n, output: 0n };
  const of = (name: string): Nanodollars | null => {
    if (way === "set") return amounts[name] ? typed(amounts[name] ?? "") : null;
    const listed = perMillion(list, name);
    return listed === null ? null : changedBy(listed, percent, way === "markup");
  };
  const input = of("input");
  if (input === null) return null;
  const part = (name: "cache_read" | "cache_write") => {
    const amount = of(name);
    return amount === null ? {} : { [name]: amount };
  };
  return { input, output: of("output") ?? input, ...part("cache_read"), ...part("cache_write") };
}

function Effect({ provider, model, rates }: { provider: string; model: string; rates: Rates | null }) {
  const { may } = useWho();
  const past = span("30d", Math.floor(Date.now() / 60_000) * 60_000);
  const used = useApi(
    "/api/v1/analytics",
    { query: { provider, model, metrics: "cost,tokens", from: iso(past.since), to: iso(past.until) } },
    { enabled: may("analytics:read") },
  );
  const { cost, tokens } = used.data?.total.whole ?? {};
  if (!cost || !tokens || !rates) return null;
  const about = costOf(tokens, rates);
  if (cost.entries === 0)
    return (
      <Text size="sm" c="dimmed">
        Nobody has used it in the last 30 days, so nothing would have changed.
      </Text>
    );
  return (
    <Text size="sm" role="status">
      In the last 30 days: {count(tokens.input)} tokens in and {count(tokens.output)} out, charged <Amount of={cost.spent_usd} fw={600} />
      {cost.unpriced > 0 && `, and ${count(cost.unpriced)} requests without a price`}. By this price about <Amount of={about} fw={600} />.
    </Text>
  );
}

/** Corrects what was charged before, entry by entry, once it was shown. */
export function Rerate({ provider, model }: { provider: string; model: string }) {
  const { may } = useWho();
  const [since, setSince] = useState(() => `${iso(Date.now()).slice(0, 8)}01`);
  const [sure, setSure] = useState(false);
  const where = { provider, model, since: `${since}T00:00:00Z` };
  const preview = useChange("post", "/api/v1/prices/rerate");
  const apply = useChange("post", "/api/v1/prices/rerate/apply");
  const found = preview.data;
  if (!may("ledger:write")) return null;
  return (
    <section aria-label="Correct what was charged">
      <Title order={3} mb="xs">
        Correct what was charged before
      </Title>
      <Group align="end" gap="xs">
        <TextInput
          type="date"
          label="Since (UTC)"
          value={since}
          onChange={(event) => {
            setSince(event.currentTarget.value);
            preview.reset();
          }}
        />
        <Button variant="default" size="sm" disabled={!since} loading={preview.isPending} onClick={() => preview.mutate({ body: { where } })}>
          Show what it would correct
        </Button>
      </Group>
      {preview.error && <Failed error={preview.error} what="It cannot be worked out" />}
      {apply.error && <Failed error={apply.error} what="Nothing was corrected" />}
      {found && (
        <Alert mt="xs" role="status" variant="outline" color="gray" title={found.corrections === 0 ? "Nothing to correct" : `${count(found.corrections)} corrections`}>
          <Text size="sm">
            {count(found.attempts)} calls, charged <Amount of={found.before_usd} fw={600} />, would be <Amount of={found.after_usd} fw={600} />.
          </Text>
          {found.left_out.map((each) => (
            <Text key={each.reason} size="xs" c="dimmed">
              {count(each.attempts)} stay as they are: {each.meaning}
            </Text>
          ))}
          {found.token !== null && (
            <Group mt="xs" gap="sm">
              <Checkbox label="Book these corrections; they stay in the ledger" checked={sure} onChange={(event) => setSure(event.currentTarget.checked)} />
              <Button
                disabled={!sure}
                loading={apply.isPending}
                onClick={() =>
                  apply.mutate(
                    { body: { where, token: found.token } },
                    { onSuccess: (booked) => {
                      preview.reset();
                      setSure(false);
                      notifications.show({ message: `${booked.booked} corrections are in the ledger`, color: "teal" });
                    } },
                  )
                }
              >
                Book them
              </Button>
            </Group>
          )}
        </Alert>
      )}
    </section>
  );
}
