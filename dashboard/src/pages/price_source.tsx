/** Where a price comes from and which day it is from; what nobody knows of that is said. */

import { Text } from "@mantine/core";
import { useApi, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { Chip } from "../pieces/chip";
import { Dim } from "../pieces/dim";

type Price = Schemas["PriceShown"];
type Book = Schemas["BookShown"];

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

export function SourceCell({ price, override, book }: { price: Price | null; override: string | null; book: Book | undefined }) {
  if (!price) return <Dim>no list has one</Dim>;
  const own = override !== null;
  return (
    <>
      {own ? <Chip tone="near">own price</Chip> : <span title={price.source}>{sourceText(price.source, book)}</span>}
      <Text size="xs" c="dimmed">
        {price.source === "settings" ? "of the settings" : `${own ? `upon ${sourceText(price.source, book)}, ` : ""}${book ? `list of ${book.date}` : "of a day not known"}`}
      </Text>
    </>
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
