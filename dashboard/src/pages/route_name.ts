/** The name of a route, as callers send it. */

/** `SLUG` of tollway/document/names.py. */
const SLUG = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/;
const PREFIX = "dynamic/";

interface Named {
  name: string;
  gateway_id: string | null;
}

/** What is wrong with the name of a new route for every gateway; null for a right one, and for none. */
export function nameWrong(name: string, routes: readonly Named[]): string | null {
  const wanted = name.trim();
  if (wanted === "") return null;
  if (wanted.startsWith(PREFIX) && SLUG.test(wanted.slice(PREFIX.length))) return `Leave “${PREFIX}” out: callers write it before the name`;
  if (wanted.length > 64) return `It has ${wanted.length} characters, and may have 64`;
  if (!SLUG.test(wanted)) return "Write letters, digits, dots, hyphens and underscores, and begin with a letter or a digit";
  return routes.some((route) => route.name === wanted && route.gateway_id === null) ? "There is a route of that name already" : null;
}
