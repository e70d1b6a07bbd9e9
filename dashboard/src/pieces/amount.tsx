/** Amounts as people read them, with the exact one a hover away. */

import { Text, Tooltip, type TextProps } from "@mantine/core";
import { IconArrowDownRight, IconArrowUpRight, IconMinus } from "@tabler/icons-react";
import { exact, nanodollars, percent, shown, withPlaces, type Nanodollars } from "../money";

interface Props extends TextProps {
  /** An exact decimal string, or nanodollars; null is unknown, and shown as that. */
  of: string | Nanodollars | null | undefined;
  unknown?: string;
  /** Every place there is, as of a unit price; or so many, as in a receipt. */
  places?: "all" | number;
}

export function Amount({ of, unknown = "unknown", places, ...text }: Props) {
  if (of === null || of === undefined)
    return (
      <Text span inherit c="dimmed" {...text}>
        {unknown}
      </Text>
    );
  const amount = typeof of === "string" ? nanodollars(of) : of;
  const full = exact(amount);
  const short = places === "all" ? full : places ? withPlaces(amount, places) : shown(amount);
  const number = (
    <Text span inherit className="tw-number" {...text}>
      {short}
    </Text>
  );
  return short === full ? number : <Tooltip label={full}>{number}</Tooltip>;
}

/** How much more or less than before, with an arrow and in words. */
export function Change({ now, before, than }: { now: Nanodollars; before: Nanodollars; than: string }) {
  if (before === 0n)
    return (
      <Text size="xs" c="dimmed">
        {now === 0n ? `nothing ${than} either` : `nothing ${than}`}
      </Text>
    );
  const difference = now - before;
  const Icon = difference > 0n ? IconArrowUpRight : difference < 0n ? IconArrowDownRight : IconMinus;
  const size = percent(difference < 0n ? -difference : difference, before);
  // Thousands of percent say nothing to anybody.
  const many = before > 0n && now >= before * 10n ? (now + before / 2n) / before : null;
  return (
    <Text size="xs" c="dimmed" component="div" className="tw-change">
      <Icon size={14} aria-hidden />{" "}
      {many !== null ? `${many.toLocaleString("en-US")} times the` : `${size} ${difference > 0n ? "more" : difference < 0n ? "less" : "change"} than`}{" "}
      <Amount of={before} fw={500} /> {than}
    </Text>
  );
}
