import { describe, expect, it } from "vitest";
import { added, connected, find, freeName, outputRenamed, outputsOf, read, renamed, without, withProperty, write, type Graph } from "./route_model";

/** Every element as Cloudflare's page on JSON has it. */
const OLDER = [
  { id: "s", type: "start", outputs: { next: { elementId: "c" } } },
  {
    id: "c",
    type: "conditional",
    properties: { condition: { "metadata.plan": { $eq: "free" } } },
    outputs: { true: { elementId: "p" }, false: { elementId: "m" } },
  },
  { id: "p", type: "percentage", outputs: { "10%": { elementId: "r" }, "50%": { elementId: "m2" }, else: { elementId: "m" } } },
  {
    id: "r",
    type: "rate_limit",
    properties: { limitType: "count", key: "metadata.user_id", limit: 100, interval: 3600, technique: "sliding" },
    outputs: { success: { elementId: "m" }, fallback: { elementId: "m2" } },
  },
  {
    id: "m",
    type: "model",
    properties: { provider: "openai", model: "gpt-4o-mini", timeout: 60000, retries: 4 },
    outputs: { success: { elementId: "e" }, fallback: { elementId: "e" } },
  },
  { id: "m2", type: "model", properties: { provider: "workers-ai", model: "@cf/meta/llama-3.1-8b-instruct", timeout: 0, retries: 0 }, outputs: {} },
  { id: "e", type: "end" },
];

/** The same in the dialect of their API's schema. */
const NEWER = OLDER.map((element) =>
  element.id === "c"
    ? { ...element, properties: { conditions: { "metadata.plan": { $eq: "free" } } } }
    : element.id === "r"
      ? { ...element, type: "rate", properties: { limitType: "count", key: "metadata.user_id", limit: 100, window: 3600, technique: "sliding" } }
      : element.id === "e"
        ? { ...element, outputs: {} }
        : element,
);

/** As their Terraform provider and Python client send it, and as our settings have it. */
const CLIENTS = [
  { id: "start", type: "start", outputs: { next: { element_id: "r" } } },
  { id: "r", type: "rate", properties: { limit_type: "cost", limit: 0.1, window: 60.0 }, outputs: { success: { element_id: "end" } } },
  { id: "end", type: "end" },
];
const OURS = [
  { id: "start", type: "start", outputs: { next: "pool" } },
  { id: "pool", type: "pool", properties: { targets: [{ model: "openai/gpt-4o", weight: 3 }], exempt: ["team"] }, outputs: { success: "end", fallback: "gone" } },
  { id: "end", type: "end", note: "a field of tomorrow" },
];

const graph = (json: unknown): Graph => {
  const found = read(json);
  if (!found) throw new Error("it is no graph");
  return found;
};

describe("JSON → graph → JSON", () => {
  for (const [name, elements] of Object.entries({ OLDER, NEWER, CLIENTS, OURS }))
    it(`is the same JSON: ${name}`, () => {
      expect(write(graph(elements))).toStrictEqual(elements);
      expect(JSON.stringify(Object.keys(write(graph(elements))[1]?.outputs as object))).toBe(JSON.stringify(Object.keys(elements[1]?.outputs as object)));
    });
  it("is refused where it is no list of elements", () => {
    for (const wrong of [null, {}, [3], [{ type: "end" }], [{ id: "a", type: "end" }, { id: "a", type: "end" }], [{ id: "a", type: "model", outputs: [] }]])
      expect(read(wrong)).toBeNull();
  });
});

describe("a change", () => {
  it("that is taken back leaves the JSON as it was", () => {
    const there = graph(OLDER);
    expect(write(without(added(there, "model"), "model"))).toStrictEqual(OLDER);
    expect(write(renamed(renamed(there, "m", "large"), "large", "m"))).toStrictEqual(OLDER);
    expect(write(connected(connected(there, "m", "fallback", "m2"), "m", "fallback", "e"))).toStrictEqual(OLDER);
  });
  it("puts a new element before the end, under a name that is free", () => {
    const there = added(added(graph(OURS), "model"), "model");
    expect(there.map((element) => element.id)).toEqual(["start", "pool", "model", "model_2", "end"]);
    expect(freeName(there, "model")).toBe("model_3");
  });
  it("renames what leads to it, and never takes a name that is there", () => {
    const there = graph(OLDER);
    expect(find(renamed(there, "m", "large"), "c")?.ways?.map((way) => way.target)).toEqual(["p", "large"]);
    expect(renamed(there, "m", "m2")).toBe(there);
    expect(renamed(there, "m", "")).toBe(there);
  });
  it("takes the ways to an element away with it", () => {
    const there = without(graph(OLDER), "m2");
    expect(there.flatMap((element) => element.ways ?? []).some((way) => way.target === "m2")).toBe(false);
  });
  it("writes a new way as the others are written", () => {
    expect(write(connected(graph(CLIENTS), "r", "fallback", "end"))[1]?.outputs).toEqual({ success: { element_id: "end" }, fallback: { element_id: "end" } });
    expect(write(connected(graph(OURS), "pool", "fallback", null))[1]?.outputs).toEqual({ success: "end" });
  });
  it("of a share keeps where it leads, and of a property the others", () => {
    expect(outputsOf(find(outputRenamed(graph(OLDER), "p", "10%", "20%"), "p")!)).toEqual(["20%", "50%", "else"]);
    expect(find(withProperty(graph(OLDER), "m", "retries", undefined), "m")?.properties).toEqual({ provider: "openai", model: "gpt-4o-mini", timeout: 60000 });
  });
});
