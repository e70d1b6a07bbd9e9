/** What somebody has left: each budget that counts them, and which models still work. */

import { Alert, Text } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useApi, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { nanodollars } from "../money";
import { Amount } from "../pieces/amount";
import { BudgetBar, partSpent, StateMark, stateOf } from "../pieces/budget_bar";
import { Chip } from "../pieces/chip";
import { Panel } from "../pieces/page";
import { Empty, Failed, Loading } from "../pieces/states";
import { useAddress } from "../shell/address";
import { minute, relative } from "../time";
import { byStanding, timesTold } from "./me_models";
import "./people.css";

type Layer = Schemas["Layer"];
type Standing = Schemas["ModelStanding"];

/** `mine`: it is told to the person, who cannot change budgets and may not see them. */
export function PersonLayers({ user, mine = false }: { user: string; mine?: boolean }) {
  const [address] = useAddress();
  const layers = useApi("/api/v1/people/{user}/layers", { path: { user }, query: { gateway: address.gateway || undefined } }, { every: 15_000 });
  if (layers.error) return <Failed error={layers.error} what="What is left cannot be told" again={() => void layers.refetch()} />;
  const tightest = layers.data?.tightest;
  // The tightest first, then as budgets are written.
  const sorted = [...(layers.data?.budgets ?? [])].sort((a, b) => Number(b.account === tightest) - Number(a.account === tightest));
  return (
    <>
      <Panel title="What is left" hint={mine ? "as your next request is checked" : "as the next request is checked"}>
        {!layers.data ? (
          <Loading rows={3} height={76} />
        ) : sorted.length === 0 ? (
          <Empty title="No budget counts this">
            {layers.data.proven_by === null ? "Only the name is known here, so budgets of groups and metadata are not told." : "Nothing limits what is spent here."}
          </Empty>
        ) : (
          sorted.map((layer) => <OneLayer key={layer.account} layer={layer} tightest={layer.account === tightest} mine={mine} />)
        )}
        {layers.data?.proven_by === null && sorted.length > 0 && (
          <Alert color="gray" variant="light" icon={<IconInfoCircle size={17} />} mt="sm">
            No key of theirs is known here, so budgets of groups and metadata are not among these.
          </Alert>
        )}
      </Panel>
      {!layers.data ? (
        <Panel title={mine ? "Models that still work" : "Models"} hint="a small call, now">
          <Loading rows={5} height={26} />
        </Panel>
      ) : mine ? (
        <Mine models={layers.data.models} />
      ) : (
        <Models title="Models" models={layers.data.models} />
      )}
    </>
  );
}

function OneLayer({ layer, tightest, mine }: { layer: Layer; tightest: boolean; mine: boolean }) {
  const { may } = useWho();
  const standing = {
    limit: layer.limit_usd === null ? null : nanodollars(layer.limit_usd),
    spent: nanodollars(layer.spent_usd),
    held: nanodollars(layer.held_usd),
  };
  const watched = layer.mode === "monitor";
  const due = layer.actions.filter((action) => action.due && action.do !== "block");
  return (
    <div className="tw-layer">
      <div className="tw-layer-head">
        <Text size="sm" fw={600}>
          {may("budgets:read") ? (
            <Link to="/budgets" search={{ open: layer.id } as never} className="tw-link">
              {layer.budget}
            </Link>
          ) : (
            layer.budget
          )}{" "}
          {tightest && (
            <Text span size="xs" c="dimmed" fw={500}>
              the tightest
            </Text>
          )}
        </Text>
        <StateMark state={stateOf(standing)} frozen={layer.frozen} watched={watched} />
      </div>
      <BudgetBar {...standing} />
      <Text size="xs" c="dimmed" mt={6} component="div">
        {layer.left_usd === null ? (
          <>
            <Amount of={layer.spent_usd} /> spent, and no limit
          </>
        ) : (
          <>
            <Text span inherit c="var(--mantine-color-text)" fw={500}>
              <Amount of={layer.left_usd} /> left
            </Text>{" "}
            of <Amount of={layer.limit_usd} />, {partSpent(standing)}
            {standing.held > 0n && (
              <>
                , <Amount of={layer.held_usd} /> held
              </>
            )}
          </>
        )}
        {" · "}
        {layer.resets_at ? (
          <span title={minute(layer.resets_at)}>
            {layer.resets === "rolling" ? "some of it falls off" : "begins anew"} {relative(layer.resets_at, Date.now())}
          </span>
        ) : (
          layer.window
        )}
        {watched && " · it only watches"}
        {layer.models.length > 0 && ` · on ${layer.models.join(", ")}`}
      </Text>
      {layer.frozen && (
        <Text size="xs" c="var(--tw-over)" mt={4}>
          Frozen by an administrator{layer.frozen_reason ? `: ${layer.frozen_reason}` : ""}. {mine && "Ask them to end it."}
        </Text>
      )}
      {due.map((action) => (
        <Text key={`${action.at_percent} ${action.do}`} size="xs" c="var(--tw-near)" mt={4}>
          From {action.at_percent} % on: {action.do === "downgrade" ? `${action.to} answers instead` : action.do === "slow" ? `each request waits ${action.delay_ms} ms` : action.do}
        </Text>
      ))}
    </div>
  );
}

function Models({ title, models }: { title: string; models: readonly Standing[] }) {
  if (models.length === 0) return null;
  return (
    <Panel title={title} hint="a small call, now">
      {models.map((model) => (
        <Model key={model.model} model={model} />
      ))}
    </Panel>
  );
}

/** Those that answer before those that are refused, each under a head that is true of it. */
function Mine({ models }: { models: readonly Standing[] }) {
  const [working, refused] = byStanding(models);
  return (
    <>
      <Models title="Models that still work" models={working} />
      <Models title="Models that are refused now" models={refused} />
    </>
  );
}

const TONES = { works: "good", clamped: "near", downgraded: "near", refused: "over" } as const;

function Model({ model }: { model: Standing }) {
  const word = model.status in TONES ? (model.status as keyof typeof TONES) : "refused";
  return (
    <div className="tw-model-line">
      <Text size="sm" className="tw-person-name">
        {model.model}
      </Text>
      <Chip tone={TONES[word]}>{word}</Chip>
      {model.said !== word && (
        <Text size="xs" c="dimmed">
          {timesTold(model.said)}
        </Text>
      )}
    </div>
  );
}
