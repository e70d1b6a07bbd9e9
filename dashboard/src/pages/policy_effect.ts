/** What a policy that is not in force yet changes for those who were seen. */

import type { Schemas } from "../api/client";

type Matrix = Pick<Schemas["Matrix"], "rows">;

export interface Effect {
  /** Whose models are refused from then on, by name. */
  lost: [string, string[]][];
  gained: [string, string[]][];
  limited: [string, string[]][];
}

export function effectOf(before: Matrix, after: Matrix): Effect {
  const was = new Map(before.rows.map((row) => [row.name, new Map(row.cells.map((cell) => [cell.model, cell]))]));
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
    for (const kind of ["lost", "gained", "limited"] as const) if (models[kind].length > 0) found[kind].push([row.name, models[kind]]);
  }
  return found;
}

/** "5 groups lose 6 models": how many models it is for all of them together, each counted once. */
export function told(changes: readonly (readonly [string, readonly string[]])[], [one, several]: readonly [string, string]): string {
  const models = new Set(changes.flatMap(([, names]) => names)).size;
  return `${changes.length} ${changes.length === 1 ? `group ${one}` : `groups ${several}`} ${models} ${models === 1 ? "model" : "models"}`;
}
