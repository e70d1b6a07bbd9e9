/** Where a price comes from and which day it is from; what nobody knows of that is said. */

import { Alert, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useApi, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { changeOf, exact, nanodollars } from "../money";
import { Chip } from "../pieces/chip";
import { Dim } from "../pieces/dim";

type Price = Schemas["PriceShown"];
type Book = Schemas["BookShown"];
type Disagreement = Schemas["DisagreementShown"];

/** The list of public prices that came with this version; undefined while it is not known. */
export function useBook(): Book | undefined {
  const { may } = useWho();
  return useApi("/api/v1/status", {}, { enabled: may("status:read") }).data?.price_book;
}

/** "list of 2026-11-21: genai-prices 0.2.3, litellm 1.106.2" */
export function bookText(book: Book | undefined): string | undefined {
  return book && `list of ${book.date}: ${book.version}`;
}

/** The day of an instant that is a midnight, else its minute too, by the clocks of UTC, which price lists go by. */
export function dayText(at: string): string {
  return at.slice(11, 16) === "00:00" ? at.slice(0, 10) : `${at.slice(0, 10)} ${at.slice(11, 16)} UTC`;
}

/** A list by its name and version as the book has it, a page by its host. */
export function sourceText(source: string, book: Book | undefined): string {
  if (/^https:/.test(source)) return new URL(source).host;
  return book?.version.split(", ").find((one) => one.startsWith(`${source} `)) ?? source;
}

interface SourceProps {
  price: Price | null;
  override: string | null;
  book: Book | undefined;
  disagreements: readonly Disagreement[];
}

export function SourceCell({ price, override, book, disagreements }: SourceProps) {
  if (!price) return <Dim>no list has one</Dim>;
  const own = override !== null;
  return (
    <>
      {disagreements.length > 0 && (
        <div title={disagreements.map((one) => doubtText(one)).join("; ")}>
          <Chip tone="near">lists disagree</Chip>
        </div>
      )}
      {own ? <Chip tone="near">own price</Chip> : <span title={price.source}>{sourceText(price.source, book)}</span>}
      <Text size="xs" c="dimmed">
        {price.source === "settings" ? "of the settings" : `${own ? `upon ${sourceText(price.source, book)}, ` : ""}${book ? `list of ${book.date}` : "of a day not known"}`}
      </Text>
    </>
  );
}

/** "cache read of codestral-latest: genai-prices says $0.30 as input, LiteLLM $0.03" */
export function doubtText(one: Disagreement): string {
  const [first, second] = [one.genai_prices_usd, one.litellm_usd].map((usd) => exact(nanodollars(usd)));
  return `${one.meter.replaceAll("_", " ")} of ${one.model}: genai-prices says ${first}${one.charged_as ? `, as ${one.charged_as.replaceAll("_", " ")}` : ""}, LiteLLM ${second}`;
}

/** What the API says in percent as a number; "inf", of nothing, is more than any. */
export function differenceOf(percent: string): number {
  return percent === "inf" ? Infinity : Number(percent);
}

/** "+648.2 %" of what the API says as "648.2", and "17.5×" of "1648.2"; what is so many times nothing is no percentage. */
export function differenceText(percent: string): string {
  const number = differenceOf(percent);
  if (!Number.isFinite(number)) return "from nothing";
  // The API tells tenths of a percent.
  const { sign, size } = changeOf(1000n + BigInt(Math.round(number * 10)), 1000n);
  return `${sign}${size ?? ""}`;
}

/** What two public lists do not say alike of a model, and whose price is charged. */
export function Doubts({ disagreements }: { disagreements: readonly Disagreement[] }) {
  if (disagreements.length === 0) return null;
  return (
    <Alert color="yellow" variant="outline" icon={<IconAlertTriangle size={18} />} title="The price lists disagree">
      {disagreements.map((one) => (
        <Text size="sm" key={`${one.model} ${one.meter}`}>
          {doubtText(one)} for 1 M. {one.used_usd === null ? "Nothing is charged for it." : `Charged is ${exact(nanodollars(one.used_usd))}, as ${one.used} says.`}
        </Text>
      ))}
      <Text size="xs" c="dimmed" mt={4}>
        Compare with the provider's own page. Where the charged one is wrong, set your own price below, and correct what was charged.
      </Text>
    </Alert>
  );
}

/** Since when it is what it is, and until when. */
export function ValidFrom({ price }: { price: Price | null }) {
  if (!price) return <Dim>not known</Dim>;
  const { effective_from: from, effective_to: to } = price;
  return (
    <>
      {from ? <span className="tw-number">{dayText(from)}</span> : <Dim>{price.source === "settings" ? "no day set" : "not known"}</Dim>}
      {to && (
        <Text size="xs" c="dimmed" className="tw-number">
          until {dayText(to)}
        </Text>
      )}
    </>
  );
}
