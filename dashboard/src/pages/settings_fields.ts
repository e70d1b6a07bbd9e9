/** The fields of a gateway that have a place of their own on the page; all others are JSON. */

export type Draft = Record<string, string | number | boolean | undefined>;

interface Base {
  /** As it is written: "retry.max_attempts". */
  path: string;
  label: string;
  help: string;
}

interface Number extends Base {
  kind: "number";
  unit: string;
  /** What holds where nothing is written. */
  unset: string;
}

interface Choice extends Base {
  kind: "choice";
  choices: readonly (readonly [value: string, label: string])[];
  unset: string;
}

interface Switch extends Base {
  kind: "switch";
  default?: boolean;
}

export type Field = Number | Choice | Switch;

interface Section {
  title: string;
  hint?: string;
  fields: readonly Field[];
}

export const FIELDS: readonly Section[] = [
  {
    title: "Who may call",
    fields: [
      { path: "authentication", label: "Authentication", help: "Whether a caller has to say who it is.", kind: "choice", choices: [["required", "required"], ["none", "none: anyone may call"]], unset: "required (default)" },
      { path: "provider_keys", label: "Provider keys", help: "Whose keys requests go out with.", kind: "choice", choices: [["configured", "those of the settings"], ["caller", "the caller's own, where one is sent"]], unset: "those of the settings (default)" },
    ],
  },
  {
    title: "Requests",
    fields: [
      { path: "default_output_tokens", label: "Output cap where none is asked for", help: "Held by a hard budget where a request names no cap.", kind: "number", unit: "tokens", unset: "16,384 (default)" },
      { path: "carry_as_stream", label: "Follow whole answers too", help: "A call for a whole answer may go out as a stream, so that a budget follows its cost instead of holding the most.", kind: "switch" },
      { path: "timeout_ms", label: "Time to the first part of an answer", help: "For every try but the last.", kind: "number", unit: "ms", unset: "as the provider's settings say" },
    ],
  },
  {
    title: "Retries",
    hint: "at each target",
    fields: [
      { path: "retry.max_attempts", label: "Tries", help: "1 to 5; 1 is no retry.", kind: "number", unit: "tries", unset: "1 (default)" },
      { path: "retry.delay_ms", label: "Wait before the second", help: "0 to 60,000.", kind: "number", unit: "ms", unset: "1,000 (default)" },
      { path: "retry.backoff", label: "How the wait grows", help: "From try to try.", kind: "choice", choices: [["constant", "not at all"], ["linear", "by as much again"], ["exponential", "twice each time"]], unset: "twice each time (default)" },
    ],
  },
  {
    title: "Cache",
    hint: "answers that are given again to the same request",
    fields: [
      { path: "cache.ttl_s", label: "How long answers are kept", help: "0 keeps none but those that a caller asks to keep.", kind: "number", unit: "s", unset: "off, but by header (default)" },
      { path: "cache.scope", label: "Who shares them", help: "An answer is given to nobody beyond.", kind: "choice", choices: [["none", "everybody on the gateway"], ["team", "a team"], ["user", "nobody: each their own"]], unset: "nobody: each their own (default)" },
      { path: "cache.by_headers", label: "Callers may say so by header", help: "tollway-cache-ttl, -skip-cache and -cache-key.", kind: "switch", default: true },
      { path: "cache.max_entry_bytes", label: "Largest answer that is kept", help: "Larger ones are passed on and not kept.", kind: "number", unit: "bytes", unset: "8,388,608 (default)" },
    ],
  },
  {
    title: "Rate limit of the whole gateway",
    fields: [
      { path: "rate_limiting_limit", label: "Requests", help: "0 is off. Limits of people and models are rate limits of their own.", kind: "number", unit: "requests", unset: "off (default)" },
      { path: "rate_limiting_interval", label: "In how many seconds", help: "The window of the limit.", kind: "number", unit: "s", unset: "off (default)" },
      { path: "rate_limiting_technique", label: "Window", help: "Fixed ones begin all at once; sliding ones look back.", kind: "choice", choices: [["fixed", "fixed"], ["sliding", "sliding"]], unset: "fixed (default)" },
    ],
  },
  {
    title: "Log",
    fields: [
      { path: "logs.collect", label: "Keep a record of each request", help: "The ledger is kept in any case: money is always counted.", kind: "switch", default: true },
      { path: "logs.payload", label: "Keep prompts and answers", help: "Their bodies, encrypted; seen by whoever may read logs.", kind: "switch" },
      { path: "logs.by_headers", label: "What callers may say by header", help: "tollway-collect-log and -collect-log-payload.", kind: "choice", choices: [["less", "to keep less"], ["more", "to keep less or more"], ["none", "nothing"]], unset: "to keep less (default)" },
      { path: "logs.max_body_bytes", label: "Largest body that is kept whole", help: "Of a larger one, see below.", kind: "number", unit: "bytes", unset: "10,485,760 (default)" },
      { path: "logs.larger", label: "Larger bodies", help: "What is kept of them.", kind: "choice", choices: [["cut", "their beginning"], ["drop", "nothing"]], unset: "their beginning (default)" },
      { path: "logs.own_payload", label: "People see their own prompts and answers", help: "Without the right to read everybody's.", kind: "switch" },
    ],
  },
];

const PATHS = FIELDS.flatMap((section) => section.fields.map(({ path }) => path));
const HEADS = new Set(PATHS.map((path) => path.split(".")[0] ?? ""));

/** What is written, by path. */
export function spread(written: Record<string, unknown>): Draft {
  return Object.fromEntries(
    PATHS.flatMap((path) => {
      const value = at(written, path);
      return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? [[path, value]] : [];
    }),
  );
}

/** Fields without a place of their own. */
export function OTHER(written: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(written).filter(([name]) => name !== "slug" && !HEADS.has(name)));
}

/** What would be written: what was, with the changed paths in their place. What was not touched stays as it is spelled. */
export function merged(written: Record<string, unknown>, was: Draft, draft: Draft): Record<string, unknown> {
  const found: Record<string, unknown> = Object.fromEntries(Object.entries(written).filter(([name]) => HEADS.has(name)));
  for (const path of PATHS) {
    if (draft[path] === was[path]) continue;
    const [head = "", inner] = path.split(".");
    if (inner === undefined) {
      if (draft[path] === undefined) delete found[head];
      else found[head] = draft[path];
      continue;
    }
    const { [inner]: _, ...rest } = (found[head] ?? {}) as Record<string, unknown>;
    const whole = draft[path] === undefined ? rest : { ...rest, [inner]: draft[path] };
    if (Object.keys(whole).length === 0) delete found[head];
    else found[head] = whole;
  }
  return found;
}

function at(written: Record<string, unknown>, path: string): unknown {
  return path.split(".").reduce<unknown>((value, name) => (typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined), written);
}
