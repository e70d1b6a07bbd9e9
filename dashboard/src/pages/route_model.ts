/** A route as a graph: elements and the ways between them. What is read of JSON is written as the same JSON again, in
 * whichever of Cloudflare's dialects it came. */

export type Kind = "start" | "conditional" | "percentage" | "rate" | "model" | "pool" | "end";

/** How an output names what follows: `"next"`, or `{"elementId": "next"}`. */
type Form = "id" | "elementId" | "element_id";

export interface Way {
  name: string;
  /** An element's id; it may be one that is not there. */
  target: string;
  form: Form;
}

export interface Element {
  id: string;
  /** As it is written: `rate_limit` of the older dialect stays that. */
  type: string;
  properties: Record<string, unknown> | undefined;
  /** Undefined where the JSON has none at all. */
  ways: readonly Way[] | undefined;
  /** Fields that this editor does not know, and keeps. */
  rest: Record<string, unknown>;
}

export type Graph = readonly Element[];

/** The outputs of each kind; those of a percentage are its shares. */
export const OUTPUTS: Record<Kind, readonly string[]> = {
  start: ["next"],
  conditional: ["true", "false"],
  percentage: ["50%", "else"],
  rate: ["success", "fallback"],
  model: ["success", "fallback"],
  pool: ["success", "fallback"],
  end: [],
};

export const KINDS = Object.keys(OUTPUTS) as Kind[];

export function kindOf(element: Element): Kind | null {
  const type = element.type === "rate_limit" ? "rate" : element.type;
  return (KINDS as string[]).includes(type) ? (type as Kind) : null;
}

/** Null where the JSON is no list of elements with ids. */
export function read(json: unknown): Graph | null {
  if (!Array.isArray(json)) return null;
  const found: Element[] = [];
  for (const one of json as unknown[]) {
    if (typeof one !== "object" || one === null || Array.isArray(one)) return null;
    const { id, type, properties, outputs, ...rest } = one as Record<string, unknown>;
    if (typeof id !== "string" || typeof type !== "string" || found.some((other) => other.id === id)) return null;
    const ways = outputs === undefined ? undefined : waysOf(outputs);
    if (ways === null || (properties !== undefined && (typeof properties !== "object" || properties === null || Array.isArray(properties))))
      return null;
    found.push({ id, type, properties: properties as Record<string, unknown> | undefined, ways, rest });
  }
  return found;
}

function waysOf(outputs: unknown): Way[] | null {
  if (typeof outputs !== "object" || outputs === null || Array.isArray(outputs)) return null;
  const found: Way[] = [];
  for (const [name, output] of Object.entries(outputs)) {
    if (typeof output === "string") found.push({ name, target: output, form: "id" });
    else {
      const named = output as { elementId?: unknown; element_id?: unknown } | null;
      const form: Form = named !== null && typeof named === "object" && "element_id" in named ? "element_id" : "elementId";
      const target = named?.[form];
      if (typeof target !== "string" || Object.keys(named ?? {}).length !== 1) return null;
      found.push({ name, target, form });
    }
  }
  return found;
}

export function write(graph: Graph): Record<string, unknown>[] {
  return graph.map(({ id, type, properties, ways, rest }) => ({
    id,
    type,
    ...(properties === undefined ? {} : { properties }),
    ...(ways === undefined ? {} : { outputs: Object.fromEntries(ways.map(written)) }),
    ...rest,
  }));
}

function written({ name, target, form }: Way): [string, unknown] {
  return [name, form === "id" ? target : { [form]: target }];
}

export function find(graph: Graph, id: string | null | undefined): Element | undefined {
  return graph.find((element) => element.id === id);
}

function change(graph: Graph, id: string, changed: (element: Element) => Element): Graph {
  return graph.map((element) => (element.id === id ? changed(element) : element));
}

/** With one more element, before the end so that it reads as it runs; a model between two is put there by its ways. */
export function added(graph: Graph, kind: Kind, id = freeName(graph, kind)): Graph {
  const element: Element = { id, type: kind, properties: beginning(kind), ways: kind === "end" ? undefined : [], rest: {} };
  const end = graph.findIndex((one) => one.type === "end");
  return kind === "end" || end < 0 ? [...graph, element] : [...graph.slice(0, end), element, ...graph.slice(end)];
}

function beginning(kind: Kind): Record<string, unknown> | undefined {
  switch (kind) {
    case "model":
      return { model: "openai/gpt-4o-mini" };
    case "pool":
      return { targets: [{ model: "openai/gpt-4o-mini" }, { model: "anthropic/claude-haiku-4-5" }], order: "in_order" };
    case "rate":
      return { limitType: "count", key: "user.id", limit: 100, window: 3600 };
    case "conditional":
      return { conditions: { "metadata.plan": { $eq: "free" } } };
    default:
      return undefined;
  }
}

export function freeName(graph: Graph, kind: string): string {
  if (!find(graph, kind)) return kind;
  for (let number = 2; ; number++) if (!find(graph, `${kind}_${number}`)) return `${kind}_${number}`;
}

/** Without an element, and without the ways that led to it. */
export function without(graph: Graph, id: string): Graph {
  return graph
    .filter((element) => element.id !== id)
    .map((element) => (element.ways?.some((way) => way.target === id) ? { ...element, ways: element.ways.filter((way) => way.target !== id) } : element));
}

/** An element under another name, which what leads to it takes too. The same graph where the name is taken or empty. */
export function renamed(graph: Graph, id: string, name: string): Graph {
  if (!name || (name !== id && find(graph, name))) return graph;
  return graph.map((element) => ({
    ...element,
    id: element.id === id ? name : element.id,
    ways: element.ways?.map((way) => (way.target === id ? { ...way, target: name } : way)),
  }));
}

/** With an output that leads somewhere, or (null) nowhere. A new one is written as the others of the graph are. */
export function connected(graph: Graph, id: string, name: string, target: string | null): Graph {
  const form = graph.flatMap((element) => element.ways ?? [])[0]?.form ?? "elementId";
  return change(graph, id, (element) => {
    const ways = element.ways ?? [];
    if (target === null) return { ...element, ways: ways.filter((way) => way.name !== name) };
    return ways.some((way) => way.name === name)
      ? { ...element, ways: ways.map((way) => (way.name === name ? { ...way, target } : way)) }
      : { ...element, ways: [...ways, { name, target, form }] };
  });
}

/** A share of a percentage, written as another one. */
export function outputRenamed(graph: Graph, id: string, from: string, to: string): Graph {
  return change(graph, id, (element) =>
    element.ways?.some((way) => way.name === to) ? element : { ...element, ways: element.ways?.map((way) => (way.name === from ? { ...way, name: to } : way)) },
  );
}

/** With a property, or (undefined) without it. */
export function withProperty(graph: Graph, id: string, name: string, value: unknown): Graph {
  return change(graph, id, (element) => {
    const { [name]: _, ...others } = element.properties ?? {};
    return { ...element, properties: value === undefined ? others : { ...(element.properties ?? {}), [name]: value } };
  });
}

/** The outputs an element has or may have, in their order. */
export function outputsOf(element: Element): string[] {
  const there = (element.ways ?? []).map((way) => way.name);
  const kind = kindOf(element);
  if (kind === null || kind === "percentage") return there.length > 0 || kind === null ? there : [...OUTPUTS.percentage];
  return [...OUTPUTS[kind], ...there.filter((name) => !OUTPUTS[kind].includes(name))];
}

/** What an element does, in a few words. */
export function summary(element: Element): string {
  const properties = element.properties ?? {};
  const text = (name: string) => (properties[name] === undefined ? "" : String(properties[name]));
  switch (kindOf(element)) {
    case "model":
      return text("provider") && !text("model").startsWith(`${text("provider")}/`) ? `${text("provider")}/${text("model")}` : text("model");
    case "pool":
      return Array.isArray(properties.targets) ? `${properties.targets.length} models, ${text("order") || "weighted"}` : "";
    case "rate":
      return `${text("limitType") === "cost" || text("limit_type") === "cost" ? "$" : ""}${text("limit")} in ${text("window") || text("interval")} s`;
    case "conditional":
      return JSON.stringify(properties.conditions ?? properties.condition ?? {}).replaceAll('"', "");
    case "percentage":
      return (element.ways ?? []).map((way) => way.name).join(" · ");
    default:
      return "";
  }
}
