/** What the overview says besides sums: what moved, what was kept from being spent, and what wants to be looked at. */

import { Anchor, Group, Text, Tooltip } from "@mantine/core";
import { IconArrowDownRight, IconArrowUpRight } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useApi } from "../api/client";
import { useWho } from "../api/session";
import { changeOf, nanodollars } from "../money";
import { Amount } from "../pieces/amount";
import { Chip } from "../pieces/chip";
import { Panel } from "../pieces/page";
import { cut, plain } from "../pieces/plain";
import { Said } from "../pieces/said";
import { Empty, Failed, Loading } from "../pieces/states";
import { carried, useAddress, useSpan, type Asked } from "../shell/address";
import { count, minute } from "../time";

const POLL = 30_000;
const DAY = 86_400_000;
/** Providers change their prices about every month. */
const STALE_DAYS = 30;
const MOVED = 6;

interface Props {
  gateway?: string;
  asked: Asked;
}

/** What cost more or less than in the period before. */
export function Movers({ gateway, asked }: Props) {
  const [address] = useAddress();
  const { against } = useSpan();
  const movers = useApi("/api/v1/analytics/movers", { query: { ...asked, ...against, gateway, by: "user,model", limit: MOVED } }, { every: POLL });
  return (
    <Panel title="What moved" hint={movers.data && `against ${minute(movers.data.previous_from)} to ${minute(movers.data.previous_to)}`}>
      {movers.error ? (
        <Failed error={movers.error} what="Changes cannot be shown" again={() => void movers.refetch()} />
      ) : !movers.data ? (
        <Loading rows={6} />
      ) : movers.data.items.every(({ change_usd }) => nanodollars(change_usd) === 0n) ? (
        <Empty title="Nothing was spent now or before" />
      ) : (
        movers.data.items.map(({ group, change_usd, before_usd, spent_usd }) => {
          const [change, was] = [nanodollars(change_usd), nanodollars(before_usd)];
          const Icon = change < 0n ? IconArrowDownRight : IconArrowUpRight;
          const narrowed = Object.fromEntries(Object.entries(group).map(([name, value]) => [name, value ?? ""]));
          return (
            <Link
              key={JSON.stringify(group)}
              to="/spend"
              search={{ ...carried(address), by: "model", then: "user", compare: "1", ...narrowed } as never}
              className="tw-top-line tw-mover"
            >
              <Text span inherit truncate>
                {group.user ? <Said text={group.user} /> : <span className="tw-dim">no person</span>}{" "}
                <span className="tw-dim">· {group.model ? <Said text={group.model} /> : "no model"}</span>
              </Text>
              <span className="tw-number">
                <Icon size={14} aria-label={change < 0n ? "less" : "more"} /> <Amount of={change < 0n ? -change : change} fw={600} />
              </span>
              <span className="tw-top-share tw-number">{was === 0n ? "new" : nanodollars(spent_usd) === 0n ? "gone" : changeOf(nanodollars(spent_usd), was).size}</span>
            </Link>
          );
        })
      )}
    </Panel>
  );
}

/** Refused, and served by a cheaper model: how many, of whom, and how much money. */
export function Stopped({ gateway, asked }: Props) {
  const [address] = useAddress();
  const stopped = useApi("/api/v1/analytics/refusals", { query: { ...asked, gateway } }, { every: POLL });
  const found = stopped.data;
  const short = found && found.looked_since !== found.from;
  return (
    <Panel title="Blocked and downgraded" hint={found && `${count(found.refused)} of ${count(found.requests)} requests refused`}>
      {stopped.error ? (
        <Failed error={stopped.error} what="Refusals cannot be shown" again={() => void stopped.refetch()} />
      ) : !found ? (
        <Loading rows={5} />
      ) : (
        <>
          {found.refused === 0 && found.downgraded.requests === 0 && !short && <Empty title="Nobody was refused in this range" />}
          {found.reasons.slice(0, 5).map((reason) => (
            <Link key={reason.code} to="/requests" search={{ ...carried(address), code: reason.code } as never} className="tw-top-line tw-mover" title={reason.meaning}>
              <span>
                <Chip tone="over">{reason.code.replaceAll("_", " ")}</Chip>
                <Text size="xs" c="dimmed">
                  {people(reason.people)}
                </Text>
              </span>
              <span className="tw-number">{count(reason.requests)}</span>
              <Estimate of={reason.estimated_usd} without={reason.unestimated} />
            </Link>
          ))}
          {found.downgraded.requests > 0 && (
            <div className="tw-top-line">
              <span>
                <Chip tone="near">downgraded</Chip>
                <Text size="xs" c="dimmed">
                  {people(found.downgraded.people)} · charged <Amount of={found.downgraded.spent_usd} />
                </Text>
              </span>
              <span className="tw-number">{count(found.downgraded.requests)}</span>
              <Estimate of={found.downgraded.asked_estimated_usd} without={found.downgraded.unestimated} />
            </div>
          )}
          {(found.reasons.length > 0 || found.downgraded.requests > 0 || short) && (
            <Text size="xs" c="dimmed" mt={8}>
              Amounts are estimates: what a charge of the model asked for cost on average in this range.
              {short && ` Reasons are those since ${minute(found.looked_since)}.`}
              {found.downgraded.looked_since !== found.from && ` Downgrades are those since ${minute(found.downgraded.looked_since)}.`}
            </Text>
          )}
        </>
      )}
    </Panel>
  );
}

function people(number: number): string {
  return number === 0 ? "nobody named" : number === 1 ? "1 person" : `${count(number)} people`;
}

function Estimate({ of, without }: { of: string | null; without: number }) {
  const amount = (
    <span className="tw-estimate tw-number">
      {of === null ? "unknown" : <>≈ <Amount of={of} /></>}
    </span>
  );
  return without > 0 ? <Tooltip label={`without ${count(without)} of whose model nothing was charged in this range`}>{amount}</Tooltip> : amount;
}

/** What wants to be looked at: the store, what has no price, how old the list prices are, what the settings probably do not mean. */
export function Health({ gateway, asked }: Props) {
  const { may } = useWho();
  const status = useApi("/api/v1/status", {}, { enabled: may("status:read"), every: POLL });
  const models = useApi("/api/v1/analytics", { query: { ...asked, gateway, by: "model", kind: "unpriced", metrics: "cost", limit: 3 } }, { every: POLL });
  const unpriced = models.data?.total.whole.cost?.unpriced;
  const days = status.data ? Math.floor((Date.parse(status.data.at) - Date.parse(`${status.data.price_book.date}T00:00:00Z`)) / DAY) : null;
  return (
    <Panel title="To look at">
      {status.error ? (
        <Failed error={status.error} what="Health cannot be shown" again={() => void status.refetch()} />
      ) : !status.data ? (
        <Loading rows={4} />
      ) : (
        <>
          <Point name="Store" tone={status.data.store.ok ? "good" : "over"} word={status.data.store.ok ? "healthy" : "in trouble"}>
            {status.data.store.ok ? (
              <>
                {count(status.data.open_reservations)} under way, <Amount of={status.data.held_usd} /> held
              </>
            ) : (
              status.data.store.differences.join("; ")
            )}
          </Point>
          <Point
            name="Usage without a price"
            tone={unpriced === undefined ? "dim" : unpriced > 0 ? "unpriced" : "good"}
            word={unpriced === undefined ? "unknown" : unpriced > 0 ? `${count(unpriced)} without a price` : "none"}
            to="/prices"
            search={{ tab: "unpriced" }}
          >
            {(unpriced ?? 0) > 0 && models.data?.groups.map(({ group }) => plain(cut(group.model ?? "no model", 80))).join(", ")}
          </Point>
          <Point name="List prices" tone={days !== null && days > STALE_DAYS ? "near" : "good"} word={days === null ? "unknown" : days > STALE_DAYS ? "stale" : "fresh"} to="/prices">
            of {status.data.price_book.date}, {days === 1 ? "1 day" : `${days ?? "?"} days`} old
          </Point>
          <Point name="Settings" tone={status.data.warnings.length > 0 ? "near" : "good"} word={status.data.warnings.length > 0 ? `${status.data.warnings.length} to check` : "fine"}>
            {status.data.warnings[0]}
          </Point>
        </>
      )}
    </Panel>
  );
}

interface PointProps {
  name: string;
  tone: "good" | "near" | "over" | "unpriced" | "dim";
  word: string;
  to?: string;
  search?: Record<string, string>;
  children?: ReactNode;
}

function Point({ name, tone, word, to, search, children }: PointProps) {
  return (
    <div className="tw-near">
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <Text size="sm" fw={500}>
          {name}
        </Text>
        {to ? (
          <Anchor component={Link} to={to} search={(search ?? {}) as never} underline="never">
            <Chip tone={tone}>{word}</Chip>
          </Anchor>
        ) : (
          <Chip tone={tone}>{word}</Chip>
        )}
      </Group>
      {children && (
        <Text size="xs" c="dimmed" mt={2} lineClamp={2}>
          {children}
        </Text>
      )}
    </div>
  );
}
