/** Who may use which model, all at once: people and groups that were seen, against the models that were used. */

import { Checkbox, Group, Switch, TagsInput, Text, UnstyledButton } from "@mantine/core";
import { IconBan, IconCircleCheck, IconCoin, IconLockOpen, type Icon } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { ask, useApi, type Schemas } from "../api/client";
import { shown, nanodollars } from "../money";
import { Panel } from "../pieces/page";
import { Empty, Failed, Loading } from "../pieces/states";
import { useAddress } from "../shell/address";
import "./policies.css";

type Cell = Schemas["CellShown"];

interface Caller {
  name: string;
  groups: readonly string[];
  team?: string;
  person: boolean;
}

const [MOST_CALLERS, MOST_MODELS] = [40, 12];
const SHOWN: Record<Cell["decision"], readonly [Icon, "good" | "near" | "over", string]> = {
  no_policies: [IconLockOpen, "near", "no policies"],
  permitted: [IconCircleCheck, "good", "permitted"],
  limited: [IconCoin, "good", "up to"],
  blocked: [IconBan, "over", "blocked"],
  not_permitted: [IconBan, "near", "not permitted"],
};

export function PolicyMatrix() {
  const [address] = useAddress();
  const [people, setPeople] = useState(false);
  const [staging, setStaging] = useState(true);
  const [callersMore, setCallersMore] = useState<string[]>([]);
  const [modelsMore, setModelsMore] = useState<string[]>([]);
  const [chosen, setChosen] = useState<{ row: string; cell: Cell } | null>(null);
  const seen = useApi("/api/v1/analytics", { query: { by: "user,group", metrics: "requests", limit: 200 } });
  const teams = useApi("/api/v1/analytics", { query: { by: "user,team", metrics: "requests", limit: 200 } });
  const used = useApi("/api/v1/analytics", { query: { by: "provider,model", metrics: "cost", limit: MOST_MODELS } });
  const callers = useMemo(() => callersOf(seen.data?.groups ?? [], teams.data?.groups ?? [], people, callersMore), [seen.data, teams.data, people, callersMore]);
  const models = useMemo(
    () => [...new Set([...(used.data?.groups ?? []).map((each) => named(each.group.provider, each.group.model)).filter((model) => model !== ""), ...modelsMore])],
    [used.data, modelsMore],
  );
  const asked = {
    callers: callers.map((caller) => ({ name: caller.name, identity: identityOf(caller) })),
    models,
    gateway: address.gateway ?? "default",
    includeStaging: staging,
  };
  const ready = callers.length > 0 && models.length > 0;
  const matrix = useQuery({
    queryKey: ["/api/v1/policies/matrix", asked],
    queryFn: () => ask("post", "/api/v1/policies/matrix", { body: asked }),
    enabled: ready,
    placeholderData: (before) => before,
  });
  const error = seen.error ?? used.error ?? matrix.error;
  return (
    <Panel title="Who may use which model" hint="judged by the rules that decide; what is spent of limits is not asked">
      <Group gap="md" mb="sm">
        <Switch label="People, not groups" checked={people} onChange={(event) => setPeople(event.currentTarget.checked)} />
        <Checkbox label="With drafts" checked={staging} onChange={(event) => setStaging(event.currentTarget.checked)} />
        <TagsInput
          size="xs"
          aria-label={people ? "More people" : "More groups"}
          placeholder={people ? "one more person" : "one more group"}
          value={callersMore}
          onChange={setCallersMore}
          w={190}
        />
        <TagsInput size="xs" aria-label="More models" placeholder="one more model" value={modelsMore} onChange={setModelsMore} w={210} />
      </Group>
      {error ? (
        <Failed error={error} what="The matrix cannot be shown" />
      ) : !seen.data || !used.data || (ready && !matrix.data) ? (
        <Loading rows={6} />
      ) : !ready ? (
        <Empty title="Nobody has used a model yet">Name a group and a model above, and see who would get it.</Empty>
      ) : (
        <>
          <div className="tw-matrix-area" tabIndex={0} role="group" aria-label="Matrix">
            <table className="tw-matrix" aria-label="Access">
              <thead>
                <tr>
                  <th scope="col">{people ? "Person" : "Group"}</th>
                  {matrix.data?.models.map((model) => (
                    <th key={model} scope="col">
                      {model}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {matrix.data?.rows.map((row) => (
                  <tr key={row.name}>
                    <th scope="row" title={row.name}>
                      {row.name}
                      {people && <small>{callers.find((one) => one.name === row.name)?.groups.join(", ") || "in no group"}</small>}
                    </th>
                    {row.cells.map((cell) => {
                      const [Icon, tone, word] = SHOWN[cell.decision];
                      const said = cell.limit_usd !== null ? `${shown(nanodollars(cell.limit_usd))} ${cell.period ?? ""}` : word;
                      const open = chosen?.row === row.name && chosen.cell.model === cell.model;
                      return (
                        <td key={cell.model}>
                          <UnstyledButton
                            data-tone={tone}
                            aria-pressed={open}
                            aria-label={`${row.name}, ${cell.model}: ${said}. ${cell.why}`}
                            title={cell.why}
                            onClick={() => setChosen(open ? null : { row: row.name, cell })}
                          >
                            <Icon size={14} aria-hidden /> {said}
                          </UnstyledButton>
                        </td>
                      );
                    })}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <Text size="sm" mt="sm" role="status" mih={20} c={chosen ? undefined : "dimmed"}>
            {chosen ? (
              <>
                <b>{chosen.row}</b>, {chosen.cell.model}: {chosen.cell.why}
              </>
            ) : (
              "Choose a cell to read why."
            )}
          </Text>
        </>
      )}
    </Panel>
  );
}

/** A caller as the API is asked about one. */
export function identityOf({ name, groups, team, person }: Caller) {
  return {
    cf: { user: person ? { id: name, ...(name.includes("@") ? { email: name } : {}), groups } : { id: "somebody", groups } },
    metadata: team ? { team } : {},
  };
}

type Seen = readonly { group: Record<string, string | null> }[];

export function callersOf(seen: Seen, teams: Seen, people: boolean, more: readonly string[]): Caller[] {
  if (!people) {
    const groups = [...new Set([...seen.map((each) => each.group.group).filter((group): group is string => !!group), ...more])];
    return [...groups.slice(0, MOST_CALLERS).map((name) => ({ name, groups: [name], person: false })), { name: "in no group", groups: [], person: false }];
  }
  const found = new Map<string, string[]>(more.map((name) => [name, []]));
  for (const { group } of seen) if (group.user) found.set(group.user, [...(found.get(group.user) ?? []), ...(group.group ? [group.group] : [])]);
  const team = new Map(teams.map(({ group }) => [group.user, group["metadata.team"] ?? group.team ?? undefined]));
  return [...found].slice(0, MOST_CALLERS).map(([name, groups]) => ({ name, groups, team: team.get(name) ?? undefined, person: true }));
}

export function named(provider: string | null | undefined, model: string | null | undefined): string {
  return !model ? "" : provider && !model.startsWith(`${provider}/`) ? `${provider}/${model}` : model;
}
