/** Before policies are in force: who loses what by them, who gains, and what of last week would have been refused. */

import { Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { ask, useApi, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { Failed, Loading } from "../pieces/states";
import { count, iso } from "../time";
import { effectOf, refusedOf, sumOf, together, told, type Effect, type Refused, type Sent } from "./policy_effect";
import { callersOf, identityOf, named } from "./policy_matrix";

const [MOST_MODELS, MOST_LINES, MOST_PROVIDERS, MOST_GATEWAYS] = [40, 8, 8, 8];
const WEEK_MS = 7 * 86_400_000;

interface Judged {
  effect: Effect;
  refused: Refused;
  /** Answered last week, and asked by nobody who is judged: a service, or one of the many. */
  others: number;
  /** No model was used, so there is nothing to judge by. */
  unused: boolean;
}

export interface Consequences {
  waits: boolean;
  error: unknown;
  found: Judged | undefined;
  /** Somebody is refused by it what they had. */
  hurts: boolean;
}

/** What `tried` changes: `{policy}`, or `{includeStaging: true}` for every draft. `of`: their gateways, null for all. */
export function useConsequences(tried: Record<string, unknown>, of: readonly (string | null)[]): Consequences {
  const { may } = useWho();
  const sees = may("analytics:read");
  const all = of.includes(null) && may("status:read");
  const status = useApi("/api/v1/status", {}, { enabled: all });
  const known = status.data?.gateways.map(({ slug }) => slug);
  const gateways = [...new Set(of.flatMap((slug) => slug ?? known ?? ["default"]))].slice(0, MOST_GATEWAYS);
  const ready = sees && (!all || !!known || !!status.error);
  const asked = useQuery({
    queryKey: ["/api/v1/policies/matrix", "effect", gateways, tried],
    queryFn: () => judged(tried, gateways, Date.now()),
    enabled: ready,
    retry: false,
    // As long as it is looked at, it is about the same week.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  const found = asked.data;
  return { waits: sees && asked.isPending, error: asked.error, found, hurts: !!found && (found.effect.lost.length > 0 || found.refused.requests > 0) };
}

async function judged(tried: Record<string, unknown>, gateways: readonly string[], now: number): Promise<Judged> {
  const week = { from: iso(now - WEEK_MS), to: iso(now) };
  const [seen, teams, used] = await Promise.all([
    ask("get", "/api/v1/analytics", { query: { by: "user,group", metrics: "requests", limit: 200 } }),
    ask("get", "/api/v1/analytics", { query: { by: "user,team", metrics: "requests", limit: 200 } }),
    ask("get", "/api/v1/analytics", { query: { by: "provider,model", metrics: "requests", limit: MOST_MODELS } }),
  ]);
  const models = [...new Set(used.groups.map(({ group }) => named(group.provider, group.model)).filter(Boolean))];
  if (models.length === 0) return { effect: together([]), refused: sumOf([]), others: 0, unused: true };
  const providers = [...new Set(used.groups.map(({ group }) => group.provider).filter((name): name is string => !!name))].slice(0, MOST_PROVIDERS);
  const [groups, people] = [false, true].map((which) => callersOf(seen.groups, teams.groups, which, []).map((one) => ({ name: one.name, identity: identityOf(one) })));
  const judge = async (gateway: string) => {
    const on = async (callers: typeof groups, more: Record<string, unknown>) =>
      callers?.length ? await ask("post", "/api/v1/policies/matrix", { body: { callers, models, gateway, ...more } }) : { rows: [] };
    const [before, after, beforeThem, afterThem, total, ...sent] = await Promise.all([
      on(groups, {}),
      on(groups, tried),
      on(people, {}),
      on(people, tried),
      ask("get", "/api/v1/analytics", { query: { ...week, gateway, metrics: "requests" } }),
      ...providers.map((provider) => sentTo(provider, gateway, week)),
    ]);
    const refused = refusedOf(beforeThem, afterThem, sent.flat());
    return { effect: effectOf(before, after), refused, others: through(total.total.whole) - refused.of };
  };
  const each = await Promise.all(gateways.map(judge));
  return {
    effect: together(each.map(({ effect }) => effect)),
    refused: sumOf(each.map(({ refused }) => refused)),
    others: each.reduce((sum, { others }) => sum + Math.max(0, others), 0),
    unused: false,
  };
}

async function sentTo(provider: string, gateway: string, week: { from: string; to: string }): Promise<Sent[]> {
  const { groups } = await ask("get", "/api/v1/analytics", { query: { ...week, gateway, provider, by: "user,model", metrics: "requests", limit: 200 } });
  return groups.flatMap(({ group, whole }) => (group.user ? [{ user: group.user, model: named(provider, group.model), requests: through(whole) }] : []));
}

function through({ requests }: Schemas["Figures"]): number {
  return requests ? requests.requests - requests.refused : 0;
}

export function Told({ of: { waits, error, found, hurts } }: { of: Consequences }) {
  if (waits) return <Loading rows={3} height={22} />;
  if (error) return <Failed error={error} what="What it changes cannot be told" />;
  if (!found || found.unused)
    return (
      <Text size="sm" role="status">
        {found ? "No model was used yet, so what it changes cannot be told." : "Your role does not see who used which model, so what it changes cannot be told."}
      </Text>
    );
  const { effect, refused, others } = found;
  const changes = [
    ...(effect.lost.length > 0 ? [told(effect.lost, ["loses", "lose"])] : []),
    ...(effect.gained.length > 0 ? [told(effect.gained, ["gains", "gain"])] : []),
    ...(effect.limited.length > 0 ? [told(effect.limited, ["gets another limit on", "get another limit on"])] : []),
  ];
  return (
    <Stack gap={4} role="status" aria-label="What it changes">
      <Text size="sm" fw={600} c={hurts ? "var(--tw-over)" : undefined}>
        {changes.join("; ") || "Nobody who was seen loses or gains a model"}.
      </Text>
      <Text size="sm">
        {refused.of === 0
          ? "In the last 7 days nobody whom it can be judged for was answered."
          : refused.requests === 0
            ? `None of the ${count(refused.of)} requests that people had answered in the last 7 days would have been refused.`
            : `Of ${count(refused.of)} requests that people had answered in the last 7 days, ${count(refused.requests)} would have been refused: ${refused.who
                .slice(0, MOST_LINES)
                .map(([name, requests]) => `${name} ${count(requests)}`)
                .join(", ")}${refused.who.length > MOST_LINES ? ` and ${refused.who.length - MOST_LINES} more people` : ""}.`}
        {others > 0 && ` ${count(others)} others are of nobody by name, or of one of the many, and are not judged.`}
      </Text>
      {(["lost", "gained"] as const).flatMap((kind) => lines(effect[kind], kind === "lost" ? "loses" : "gains"))}
      <Text size="xs" c="dimmed" mt={4}>
        Judged for groups and people that were seen and models that were used, by group and team; what else a token says of them is not known here. It holds
        from the next request on.
      </Text>
    </Stack>
  );
}

function lines(changes: readonly [string, readonly string[]][], verb: string) {
  return [
    ...changes.slice(0, MOST_LINES).map(([group, models]) => (
      <Text key={`${verb} ${group}`} size="xs" c="dimmed" className="tw-lines">
        <b>{group}</b> {verb} {models.join(", ")}
      </Text>
    )),
    ...(changes.length > MOST_LINES
      ? [
          <Text key={`${verb} more`} size="xs" c="dimmed">
            and {changes.length - MOST_LINES} more
          </Text>,
        ]
      : []),
  ];
}
