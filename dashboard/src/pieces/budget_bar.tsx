/** Where a budget stands: spent solid, held hatched, the pace as a tick, thresholds as notches, and all of it in words. */

import { Group, Text, Tooltip } from "@mantine/core";
import { IconAlertTriangle, IconBan, IconCircleCheck, IconEye, IconFlame, IconSnowflake } from "@tabler/icons-react";
import { useId } from "react";
import { exact, percent, share, shown, type Nanodollars } from "../money";

export interface Standing {
  limit: Nanodollars | null;
  spent: Nanodollars;
  held: Nanodollars;
  /** What will be spent by the end of the window at the pace so far; null where nobody can say. */
  forecast?: Nanodollars | null;
  alerts?: readonly number[];
  /** It has refused a request in the window of now. */
  refused?: boolean;
}

export type State = "fine" | "near" | "refusing" | "over";

/** near: four fifths are spent or held; refusing: what is left was too little for a request, and less than a twentieth of the
 * limit; over: nothing is left. */
export function stateOf({ limit, spent, held, refused }: Standing): State {
  if (limit === null) return "fine";
  if (spent >= limit) return "over";
  if (refused && (spent + held) * 20n >= limit * 19n) return "refusing";
  return (spent + held) * 10n >= limit * 8n ? "near" : "fine";
}

export function BudgetBar({ limit, spent, held, forecast, alerts = [], refused }: Standing) {
  const state = stateOf({ limit, spent, held, refused });
  const hatch = `held${useId().replaceAll(":", "")}`;
  if (limit === null)
    return (
      <Text size="xs" c="dimmed">
        no limit
      </Text>
    );
  const said = [
    `${shown(spent)} of ${shown(limit)} spent`,
    held > 0n ? `${shown(held)} held` : "",
    forecast ? `on pace for ${shown(forecast)}` : "",
  ].filter(Boolean);
  return (
    <Tooltip label={`${exact(spent)} spent, ${exact(held)} held, limit ${exact(limit)}`}>
      <svg className="tw-bar" data-state={state === "refusing" ? "over" : state} role="img" aria-label={said.join(", ")} preserveAspectRatio="none">
        <pattern id={hatch} width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect className="tw-bar-held" width="2.5" height="5" />
        </pattern>
        <rect className="tw-bar-track" width="100%" height="100%" rx="3" />
        {held > 0n && <rect fill={`url(#${hatch})`} width={`${share(spent + held, limit) * 100}%`} height="100%" rx="3" />}
        <rect className="tw-bar-spent" width={`${share(spent, limit) * 100}%`} height="100%" rx="3" />
        {alerts
          .filter((at) => at < 100)
          .map((at) => (
            <rect key={at} className="tw-bar-notch" x={`${at}%`} y="0" width="1" height="100%" />
          ))}
        {forecast !== undefined && forecast !== null && forecast > spent && (
          <rect className="tw-bar-pace" x={`calc(${share(forecast, limit) * 100}% - 2px)`} y="0" width="2" height="100%" />
        )}
      </svg>
    </Tooltip>
  );
}

export function StateMark({ state, frozen, watched }: { state: State; frozen?: boolean; watched?: boolean }) {
  const [Icon, word, colour] = frozen
    ? [IconSnowflake, "frozen", "var(--tw-over)"]
    : state === "over"
      ? [IconFlame, watched ? "over, watched" : "spent", "var(--tw-over)"]
      : state === "refusing"
        ? [IconBan, "refusing", "var(--tw-over)"]
      : state === "near"
        ? [IconAlertTriangle, "near", "var(--tw-near)"]
        : watched
          ? [IconEye, "watched", "var(--mantine-color-dimmed)"]
          : [IconCircleCheck, "fine", "var(--tw-good)"];
  return (
    <Group gap={4} wrap="nowrap" c={colour} className="tw-mark">
      <Icon size={15} aria-hidden />
      <Text span size="xs" fw={600} inherit={false}>
        {word}
      </Text>
    </Group>
  );
}

export function partOf({ limit, spent }: Standing): string {
  return limit === null ? "—" : (percent(spent, limit) ?? "limit is $0");
}

/** The same as the end of a sentence: "12.5 % spent". */
export function partSpent({ limit, spent }: Standing): string {
  const part = limit === null ? null : percent(spent, limit);
  return part === null ? "nothing may be spent" : `${part} spent`;
}
