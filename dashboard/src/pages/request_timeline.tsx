/** Where the time of a request went: ours before and behind, the provider's between, on one axis. */

import { Group, Text } from "@mantine/core";
import type { Schemas } from "../api/client";
import { duration } from "../time";

export type Durations = Schemas["DurationsShown"];

export interface Stretch {
  name: string;
  /** Microseconds since the request was received. */
  from: number;
  to: number;
  ours: boolean;
}

const WAITED = "Queued: for money, or as told";

/** The stretches of a request that add up to all of it. What happened in between is told only as far as it is known. */
export function stretches({ total_us: total, sent_us, upstream_us, first_chunk_us, waited_us }: Durations): Stretch[] {
  if (upstream_us === null) {
    const waited = Math.min(total, waited_us);
    return [
      ...(waited > 0 ? [{ name: WAITED, from: 0, to: waited, ours: false }] : []),
      { name: "Tollway, and nothing was sent", from: waited, to: total, ours: true },
    ];
  }
  const sent = Math.max(0, Math.min(sent_us ?? total - upstream_us, total));
  const over = Math.min(total, sent + upstream_us);
  const first = first_chunk_us === null ? null : Math.min(over, Math.max(sent, first_chunk_us));
  // When it waited is not kept, only how long: it is drawn first, since it is before it was sent.
  const waited = Math.min(sent, waited_us);
  const found: Stretch[] = [{ name: "Identity, rules, hold", from: waited, to: sent, ours: true }];
  if (waited > 0) found.unshift({ name: WAITED, from: 0, to: waited, ours: false });
  if (first === null || first === over) found.push({ name: "Provider", from: sent, to: over, ours: false });
  else
    found.push(
      { name: "Until the first byte", from: sent, to: first, ours: false },
      { name: "Answer as it was made", from: first, to: over, ours: false },
    );
  if (over < total) found.push({ name: "Settled and passed on", from: over, to: total, ours: true });
  return found;
}

export function Timeline({ durations }: { durations: Durations }) {
  const found = stretches(durations);
  const total = Math.max(1, durations.total_us);
  return (
    <div role="table" aria-label="Timeline" className="tw-waterfall">
      {found.map((one) => (
        <div key={one.name} role="row" className="tw-waterfall-row">
          <Text role="rowheader" size="xs" component="div">
            {one.name}
          </Text>
          <svg aria-hidden className="tw-waterfall-bar" preserveAspectRatio="none">
            <rect className="tw-waterfall-track" width="100%" height="100%" rx="2" />
            <rect
              className={one.ours ? "tw-waterfall-ours" : "tw-waterfall-theirs"}
              x={`${(one.from / total) * 100}%`}
              width={`max(2px, ${((one.to - one.from) / total) * 100}%)`}
              height="100%"
              rx="2"
            />
          </svg>
          <Text role="cell" size="xs" className="tw-number" ta="right" component="div">
            {duration(one.to - one.from)}
          </Text>
        </div>
      ))}
      <Group role="row" justify="space-between" mt={6} gap="xs">
        <Text role="cell" size="xs" c="dimmed">
          In all {duration(durations.total_us)}
        </Text>
        <Text role="cell" size="xs" c="dimmed">
          Tollway&rsquo;s own: <b>{duration(durations.overhead_us)}</b>
        </Text>
      </Group>
    </div>
  );
}
