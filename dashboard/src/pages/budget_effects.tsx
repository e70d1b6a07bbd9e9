/** What would follow from a budget, told while it is written: whom it counts, what it would have refused, who is over at once. */

import { Alert, Group, Stack, Text, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { ask, Problem, type Schemas } from "../api/client";
import { shown, type Nanodollars } from "../money";
import { Failed, Loading } from "../pieces/states";
import { iso, span } from "../time";
import { filtersOf } from "./budget_filters";
import { againstParent, type Budget } from "./budget_math";
import { alone, Preview } from "./budget_preview";
import "./caution.css";

const TYPING_MS = 600;
/** Answers that are about what was sent. */
const REFUSALS = new Set([400, 409, 422]);

interface Found {
  dry: Schemas["BudgetChanged"];
  answer: unknown;
  /** Why the past could not be asked, where it could not. That alone makes no budget a wrong one. */
  failed: unknown;
  people: number | null;
}

/** Asked anew when the typing pauses; nothing while it is no whole budget. `refused`: the gateway would not take it as it is now. */
export function useEffects(entry: Record<string, unknown> | null) {
  const now = entry === null ? null : JSON.stringify(entry);
  const [asked] = useDebouncedValue(now, TYPING_MS);
  const found = useQuery({
    queryKey: ["budget effects", asked],
    enabled: asked !== null && entry !== null,
    retry: false,
    placeholderData: (before) => before,
    queryFn: async (): Promise<Found> => {
      const body = JSON.parse(asked ?? "{}") as Record<string, unknown>;
      const dry = await ask("post", "/api/v1/budgets", { query: { dry_run: true }, body });
      const past = span("30d", Date.now());
      const simulated = ask("post", "/api/v1/simulate", { body: { budgets: [alone(dry.after)], since: iso(past.since), until: iso(past.until) } });
      const [[answer, failed], people] = await Promise.all([
        simulated.then(
          (answer) => [answer as unknown, null] as const,
          (error: unknown) => [null, error] as const,
        ),
        peopleOf(body.where, past),
      ]);
      return { dry, answer, failed, people };
    },
  });
  const told = found.error instanceof Problem && REFUSALS.has(found.error.status) && asked === now;
  return { data: found.data, error: found.error, refused: told ? found.error : null };
}

/** How many people spent what it counts; null where that cannot be asked. */
async function peopleOf(where: unknown, past: { since: number; until: number }): Promise<number | null> {
  const filters = filtersOf(where);
  if (filters === null) return null;
  try {
    const found = await ask("get", "/api/v1/analytics", {
      query: { ...filters, by: "user", metrics: "cost", limit: 1, from: iso(past.since), to: iso(past.until) },
    });
    return found.groups.filter((each) => each.group.user !== null).length + found.others;
  } catch {
    return null;
  }
}

interface Props {
  effects: ReturnType<typeof useEffects>;
  ready: boolean;
  limit: Nanodollars | null;
  parent: Budget | undefined;
  budgets: readonly Budget[];
}

export function Effects({ effects, ready, limit, parent, budgets }: Props) {
  const sums = parent && limit !== null ? againstParent(limit, parent, budgets) : null;
  return (
    <Stack gap="sm" component="aside" aria-label="What follows">
      <Title order={3}>What follows</Title>
      {!ready ? (
        <Text size="sm" c="dimmed">
          As soon as the sentence is whole, this says what the last 30 days would have been: who is counted, and who would have been refused.
        </Text>
      ) : effects.error ? (
        <Failed error={effects.error} what="It cannot be told yet" />
      ) : !effects.data ? (
        <Loading rows={4} />
      ) : (
        <>
          {effects.data.failed ? (
            <Failed error={effects.data.failed} what="What the last 30 days would have been cannot be told" />
          ) : (
            <Preview answer={effects.data.answer} warnings={effects.data.dry.warnings} />
          )}
          {effects.data.people !== null && (
            <Text size="sm">
              <b>{effects.data.people}</b> {effects.data.people === 1 ? "person has" : "people have"} spent what it counts in the last 30 days.
            </Text>
          )}
        </>
      )}
      {sums && parent && sums.children > sums.parent && (
        <Alert className="tw-caution" color="yellow" variant="outline" icon={<IconAlertTriangle size={18} />} title="The children come to more than the parent">
          <Group gap={4}>
            <Text size="sm">
              {shown(sums.children)} of budgets within {parent.name}, whose limit is {shown(sums.parent)}. That is allowed: {parent.name} still holds.
            </Text>
          </Group>
        </Alert>
      )}
    </Stack>
  );
}
