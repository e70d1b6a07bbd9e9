/** What policies that are not in force yet change for those who were seen. */

import type { Schemas } from "../api/client";

type Matrix = Pick<Schemas["Matrix"], "rows">;

export interface Effect {
  /** Whose models are refused from then on, by name. */
  lost: [string, string[]][];
  gained: [string, string[]][];
  limited: [string, string[]][];
}

/** Requests of one person for one model that went through. */
export interface Sent {
  user: string;
  model: string;
  requests: number;
}

export interface Refused {
  /** Those that were judged. */
  of: number;
  requests: number;
  /** Whose, the most first. */
  who: [string, number][];
}

const KINDS = ["lost", "gained", "limited"] as const;

export function effectOf(before: Matrix, after: Matrix): Effect {
  const was = cells(before);
  const found: Effect = { lost: [], gained: [], limited: [] };
  for (const row of after.rows) {
    const models: Record<keyof Effect, string[]> = { lost: [], gained: [], limited: [] };
    for (const cell of row.cells) {
      const old = was.get(row.name)?.get(cell.model);
      if (!old) continue;
      if (old.allowed && !cell.allowed) models.lost.push(cell.model);
      else if (!old.allowed && cell.allowed) models.gained.push(cell.model);
      else if (cell.allowed && cell.limit_usd !== null && (old.limit_usd !== cell.limit_usd || old.period !== cell.period)) models.limited.push(cell.model);
    }
    for (const kind of KINDS) if (models[kind].length > 0) found[kind].push([row.name, models[kind]]);
  }
  return found;
}

/** Of what went through, what would have been refused. What no cell is about is not judged. */
export function refusedOf(before: Matrix, after: Matrix, sent: readonly Sent[]): Refused {
  const [was, would] = [cells(before), cells(after)];
  const who = new Map<string, number>();
  let of = 0;
  for (const { user, model, requests } of sent) {
    const [old, fresh] = [was.get(user)?.get(model), would.get(user)?.get(model)];
    if (!old || !fresh) continue;
    of += requests;
    if (old.allowed && !fresh.allowed) who.set(user, (who.get(user) ?? 0) + requests);
  }
  return ranked(of, who);
}

/** What several gateways say, as one: each group with all models that it loses on any of them. */
export function together(effects: readonly Effect[]): Effect {
  const found: Effect = { lost: [], gained: [], limited: [] };
  for (const kind of KINDS) {
    const models = new Map<string, Set<string>>();
    for (const effect of effects) for (const [name, some] of effect[kind]) models.set(name, new Set([...(models.get(name) ?? []), ...some]));
    found[kind] = [...models].map(([name, some]) => [name, [...some]]);
  }
  return found;
}

export function sumOf(all: readonly Refused[]): Refused {
  const who = new Map<string, number>();
  for (const one of all) for (const [name, requests] of one.who) who.set(name, (who.get(name) ?? 0) + requests);
  return ranked(all.reduce((sum, one) => sum + one.of, 0), who);
}

/** "5 groups lose 6 models": how many models it is for all of them together, each counted once. */
export function told(changes: readonly (readonly [string, readonly string[]])[], [one, several]: readonly [string, string]): string {
  const models = new Set(changes.flatMap(([, names]) => names)).size;
  return `${changes.length} ${changes.length === 1 ? `group ${one}` : `groups ${several}`} ${models} ${models === 1 ? "model" : "models"}`;
}

function ranked(of: number, who: ReadonlyMap<string, number>): Refused {
  return { of, requests: [...who.values()].reduce((sum, each) => sum + each, 0), who: [...who].sort((a, b) => b[1] - a[1]) };
}

function cells({ rows }: Matrix) {
  return new Map(rows.map((row) => [row.name, new Map(row.cells.map((cell) => [cell.model, cell]))]));
}
