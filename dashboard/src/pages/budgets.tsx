/** Who is about to run out? */

import { Button, Group, SegmentedControl, Text, TextInput } from "@mantine/core";
import { IconHistory, IconPlus, IconSearch } from "@tabler/icons-react";
import { useMemo } from "react";
import { useApi } from "../api/client";
import { useWho } from "../api/session";
import { share } from "../money";
import { Amount } from "../pieces/amount";
import { BudgetBar, partOf, StateMark, stateOf } from "../pieces/budget_bar";
import { Page, Panel } from "../pieces/page";
import { Empty, Failed, Loading } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { useAddress } from "../shell/address";
import { minute, relative } from "../time";
import { BudgetNew } from "./budget_new";
import { BudgetPanel } from "./budget_panel";
import { BudgetSimulator } from "./budget_simulator";
import { accountName, hasRefused, pace, selects, standing, tightest, tree, used, type Budget, type Placed } from "./budget_math";

export function Budgets() {
  const [address, go] = useAddress();
  const { may } = useWho();
  const budgets = useApi("/api/v1/budgets", { query: { hits: true } }, { every: 15_000 });
  const list = address.view === "list" || address.view === "pace";
  const wanted = (address.q ?? "").toLowerCase();
  const now = Date.now();
  const rows = useMemo(() => {
    const items = (budgets.data?.items ?? []).filter(
      (budget) => !address.gateway || budget.gateway === null || budget.gateway === address.gateway,
    );
    const by = address.view === "pace" ? (budget: Budget) => pace(budget, Date.now()) : nearness;
    const placed = list ? items.map((budget) => ({ budget, depth: 0 })).sort((a, b) => by(b.budget) - by(a.budget)) : tree(items);
    return placed.filter(({ budget }) => `${budget.name} ${selects(budget)} ${budget.accounts.map((each) => each.account).join(" ")}`.toLowerCase().includes(wanted));
  }, [budgets.data, list, wanted, address.gateway, address.view]);
  const opened = budgets.data?.items.find((budget) => budget.id === address.open) ?? budgets.data?.items.find((budget) => budget.name === address.open);
  return (
    <Page
      title="Budgets"
      question="Who is about to run out, and what happens then?"
      actions={
        <>
          {may("simulate:read") && (
            <Button variant="default" leftSection={<IconHistory size={14} />} onClick={() => go({ open: "simulate" })}>
              Simulate
            </Button>
          )}
          {may("budgets:write") && (
            <Button leftSection={<IconPlus size={14} />} onClick={() => go({ open: "new" })}>
              New budget
            </Button>
          )}
        </>
      }
    >
      <Group mb="sm" gap="sm">
        <SegmentedControl
          size="xs"
          aria-label="Arrangement"
          data={[
            { value: "", label: "Tree" },
            { value: "list", label: "Tightest first" },
            { value: "pace", label: "Fastest first" },
          ]}
          value={list ? address.view : ""}
          onChange={(view) => go({ view: view || undefined, sort: undefined })}
        />
        <TextInput
          size="xs"
          aria-label="Find a budget or an account"
          placeholder="Budget, person, team"
          leftSection={<IconSearch size={14} />}
          value={address.q ?? ""}
          onChange={(event) => go({ q: event.currentTarget.value || undefined }, true)}
        />
      </Group>
      <Panel title={address.view === "pace" ? "By pace" : list ? "By what is left" : "As they contain each other"} flush hint={budgets.data && `${rows.length} of ${budgets.data.items.length}`}>
        {budgets.error ? (
          <Failed error={budgets.error} what="Budgets cannot be shown" again={() => void budgets.refetch()} />
        ) : !budgets.data ? (
          <Group p="md">
            <Loading rows={8} />
          </Group>
        ) : rows.length === 0 ? (
          <Empty
            title={wanted ? "No budget is called that" : "There is no budget yet"}
            command={wanted ? undefined : `budgets:\n  - {name: company, limit: "500", window: {period: month, timezone: UTC}, alerts: [50, 80, 100]}`}
          >
            A budget caps what a person, a team, a key or a model may spend in a window of time.
          </Empty>
        ) : (
          <DataTable
            label="Budgets"
            columns={columns(now)}
            rows={rows}
            keyOf={({ budget }) => budget.id}
            open={({ budget }) => go({ open: budget.id })}
            isOpen={({ budget }) => budget === opened}
            depth={list ? undefined : depthOf}
          />
        )}
      </Panel>
      <BudgetPanel budget={opened} missing={!!address.open && address.open !== "new" && address.open !== "simulate" && !!budgets.data && !opened} close={() => go({ open: undefined })} />
      <BudgetNew opened={address.open === "new"} close={() => go({ open: undefined })} made={(id) => go({ open: id }, true)} budgets={budgets.data?.items ?? []} />
      <BudgetSimulator opened={address.open === "simulate"} close={() => go({ open: undefined })} />
    </Page>
  );
}

const depthOf = ({ depth }: Placed) => depth;

function nearness(budget: Budget): number {
  const account = tightest(budget);
  return account ? used(account) : 0;
}

function columns(now: number): readonly Column<Placed>[] {
  const of = ({ budget }: Placed) => {
    const account = tightest(budget);
    // The row is of the budget, whichever of its accounts refused.
    return account ? { account, stands: { ...standing(account, budget, now), refused: hasRefused(account, budget, now) } } : null;
  };
  return [
    {
      id: "name",
      head: "Budget",
      by: ({ budget }) => budget.name.toLowerCase(),
      cell: ({ budget, depth }) => (
        <div className="tw-tree">
          {depth > 0 && <span className={`tw-branch tw-depth-${Math.min(depth, 4)}`} aria-hidden />}
          <div className="tw-cell">
            <Text size="sm" fw={600}>
              {budget.name}
            </Text>
            <Text size="xs" c="dimmed">
              {selects(budget)} · {budget.window_text}
            </Text>
          </div>
        </div>
      ),
    },
    {
      id: "state",
      head: "State",
      cell: (row) => {
        const found = of(row);
        if (!row.budget.enabled) return <Text size="xs" c="dimmed">switched off</Text>;
        return (
          <div>
            <StateMark
              state={found ? stateOf(found.stands) : "fine"}
              frozen={row.budget.frozen || found?.account.frozen}
              watched={row.budget.mode === "monitor"}
            />
            {row.budget.last_hit && (
              <Text size="xs" c="dimmed" className="tw-number">
                refused {relative(row.budget.last_hit.at, now)}
              </Text>
            )}
          </div>
        );
      },
      width: 110,
    },
    {
      id: "used",
      head: "Used",
      width: "15%",
      by: ({ budget }) => nearness(budget),
      cell: (row) => {
        const found = of(row);
        if (!found) return <Text size="xs" c="dimmed">nobody spent of it yet</Text>;
        return (
          <div className="tw-budget-used">
            <BudgetBar {...found.stands} />
            <Text size="xs" c="dimmed" mt={2}>
              {partOf(found.stands)}
              {row.budget.split_by.length > 0 && ` · ${accountName(found.account)}${row.budget.accounts_total > 1 ? `, tightest of ${row.budget.accounts_total}` : ""}`}
            </Text>
            <Text size="xs" c="dimmed" component="div" className="tw-narrow">
              <Amount of={found.account.available_usd} unknown="no limit" /> left of <Amount of={found.account.limit_usd} unknown="no limit" />
              {found.stands.forecast != null && (
                <>
                  {" · on pace for "}
                  <Amount of={found.stands.forecast} />
                </>
              )}
            </Text>
          </div>
        );
      },
    },
    { id: "spent", head: "Spent", number: true, by: (row) => of(row)?.stands.spent ?? null, cell: (row) => <Amount of={of(row)?.stands.spent} unknown="—" /> },
    { id: "held", head: "Held", number: true, wide: true, by: (row) => of(row)?.stands.held ?? null, cell: (row) => <Amount of={of(row)?.stands.held} unknown="—" /> },
    {
      id: "left",
      head: "Left",
      number: true,
      wide: true,
      cell: (row) => <Amount of={of(row) ? of(row)?.account.available_usd : row.budget.limit_usd} unknown="no limit" />,
    },
    {
      id: "limit",
      head: "Limit",
      number: true,
      wide: true,
      cell: (row) => <Amount of={of(row) ? of(row)?.account.limit_usd : row.budget.limit_usd} unknown="no limit" />,
    },
    {
      id: "pace",
      head: "On pace for",
      number: true,
      wide: true,
      by: (row) => of(row)?.stands.forecast ?? null,
      cell: (row) => {
        const stands = of(row)?.stands;
        const over = stands?.forecast && stands.limit !== null && share(stands.forecast, stands.limit) >= 1;
        return <Amount of={stands?.forecast} unknown="—" c={over ? "var(--tw-over)" : undefined} />;
      },
    },
    {
      id: "resets",
      head: "Resets",
      cell: (row) => {
        const at = of(row)?.account.resets_at;
        return at ? (
          <div className="tw-number">
            <Text size="xs">{minute(at)}</Text>
            <Text size="xs" c="dimmed">
              {relative(at, now)}
            </Text>
          </div>
        ) : (
          <Text size="xs" c="dimmed">
            never at once
          </Text>
        );
      },
    },
  ];
}
