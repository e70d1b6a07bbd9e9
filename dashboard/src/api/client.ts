/** Asks the API of this gateway, typed by its OpenAPI document (`npm run types` makes schema.d.ts of it). */

import { keepPreviousData, QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { noteAnswer } from "./reach";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
type Method = "get" | "post" | "put" | "patch" | "delete";
type Answer<P extends keyof paths, M extends Method> = paths[P] extends { [K in M]: { responses: infer R } }
  ? Extract<R[keyof R & (200 | 201)], { content: unknown }> extends { content: { "application/json": infer T } }
    ? T
    : never
  : never;
type Values = Record<string, string | number | boolean | null | undefined>;

export interface Asked {
  path?: Record<string, string>;
  query?: Values;
  body?: unknown;
  /** The revision of the settings that a change was thought of for. */
  revision?: number;
}

/** The code of what was not answered at all. */
export const UNREACHABLE = "unreachable";

/** Why the API refused (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** What a change has to send with a session's cookie; told by GET /api/v1/session. */
let csrf: string | null = null;
export function keepToken(token: string | null): void {
  csrf = token;
}

/** What a change that does not go through `ask` has to send. */
export function unforged(): Record<string, string> {
  return csrf ? { "tollway-csrf": csrf } : {};
}

export async function ask<P extends keyof paths & string, M extends Method>(
  method: M,
  path: P,
  asked: Asked = {},
): Promise<Answer<P, M>> {
  const headers: Record<string, string> = {};
  if (asked.body !== undefined) headers["content-type"] = "application/json";
  if (asked.revision !== undefined) headers["if-match"] = `"${asked.revision}"`;
  Object.assign(headers, method === "get" ? {} : unforged());
  let answer: Response;
  try {
    answer = await fetch(address(path, asked), {
      method: method.toUpperCase(),
      headers,
      body: asked.body === undefined ? undefined : JSON.stringify(asked.body),
      credentials: "same-origin",
    });
  } catch {
    noteAnswer(false);
    throw new Problem(0, UNREACHABLE, "The gateway does not answer. It may be restarting; this page tries again.");
  }
  noteAnswer(true);
  const text = await answer.text();
  if (answer.ok) return (text ? JSON.parse(text) : null) as Answer<P, M>;
  throw problem(answer.status, text);
}

/** Of these an empty value asks for what has none of it; elsewhere it is a field that nobody filled in. */
const NAMED = new Set(["user", "model", "provider", "key", "service", "group", "gateway"]);
export function mayBeNone(name: string): boolean {
  return NAMED.has(name) || name.startsWith("metadata.");
}

function address(path: string, { path: names = {}, query = {} }: Asked): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(names[name] ?? ""));
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== null && value !== undefined && (value !== "" || mayBeNone(name))) parameters.set(name, String(value));
  const search = parameters.toString();
  return search ? `${filled}?${search}` : filled;
}

function problem(status: number, text: string): Problem {
  try {
    const told = JSON.parse(text) as { code?: string; detail?: string; title?: string };
    return new Problem(status, told.code ?? "unknown", told.detail ?? told.title ?? `The gateway answered ${status}.`);
  } catch {
    return new Problem(status, "unknown", `The gateway answered with status ${status}.`);
  }
}

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      refetchOnWindowFocus: true,
      // A browser that believes itself offline is to say so, not to wait without a word.
      networkMode: "always",
      retry: (times, error) => times < 2 && error instanceof Problem && (error.status === 0 || error.status === 503),
    },
  },
});

interface Options {
  enabled?: boolean;
  /** Milliseconds between polls, which pause while the tab is hidden. */
  every?: number;
}

export function useApi<P extends keyof paths & string>(path: P, asked: Asked = {}, { enabled = true, every }: Options = {}) {
  return useQuery({
    queryKey: [path, asked.path ?? {}, asked.query ?? {}],
    queryFn: () => ask("get", path, asked),
    enabled,
    refetchInterval: every ?? false,
    placeholderData: keepPreviousData,
  });
}

/** A change, after which everything that was shown is asked again. */
export function useChange<P extends keyof paths & string, M extends Exclude<Method, "get">>(method: M, path: P) {
  const client = useQueryClient();
  return useMutation<Answer<P, M>, Problem, Asked>({
    mutationFn: (asked) => ask(method, path, asked),
    onSuccess: () => client.invalidateQueries(),
  });
}

/** Whether the gateway answers by now; then everything that is shown is asked again. */
export async function tryAgain(): Promise<boolean> {
  try {
    await ask("get", "/api/v1/session");
  } catch (error) {
    if (error instanceof Problem && error.code === UNREACHABLE) return false;
  }
  void queries.invalidateQueries();
  return true;
}

/** A question that needs a body, and changes nothing. */
export function useQuestion<P extends keyof paths & string>(path: P) {
  return useMutation<Answer<P, "post">, Problem, Asked>({ mutationFn: (asked) => ask("post", path, asked) });
}
