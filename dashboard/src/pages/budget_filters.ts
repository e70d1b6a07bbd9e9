/** What a budget selects, as analytics are asked for it. */

const ASKED = /^(user|key|service|group|model|provider|gateway|metadata\..+)$/;

/** Null where analytics cannot be asked the same: they take one value of each field, whole or its beginning, and have the
 * provider of a model apart. */
export function filtersOf(where: unknown): Record<string, string> | null {
  const filters: Record<string, string> = {};
  for (const [name, value] of Object.entries((where ?? {}) as Record<string, unknown>)) {
    if (!ASKED.test(name) || typeof value !== "string") return null;
    const [, provider, model] = (name === "model" ? /^([^/]+)\/([^/]+)$/.exec(value) : null) ?? [];
    const asked: Record<string, string> = provider && model ? { ...(provider === "*" ? {} : { provider }), model } : { [name]: value };
    for (const [field, pattern] of Object.entries(asked)) {
      // A star alone is "has one", which analytics cannot be asked; nor for what ends or goes on in some way.
      if (pattern.slice(0, -1).includes("*") || pattern === "*" || filters[field] !== undefined) return null;
      filters[field] = pattern;
    }
  }
  return filters;
}
