import { describe, expect, it } from "vitest";
import { joined, MOST } from "./requests_live";

const logs = (...ids: string[]) => ids.map((request_id) => ({ request_id })) as unknown as Parameters<typeof joined>[0];

describe("joined", () => {
  it("puts what has come before the rest, newest first", () => {
    expect(joined(logs("b", "a"), logs("c", "d")).map((log) => log.request_id)).toEqual(["d", "c", "b", "a"]);
  });
  it("has each request once, though it is told twice", () => {
    expect(joined(logs("b", "a"), logs("b", "c")).map((log) => log.request_id)).toEqual(["c", "b", "a"]);
  });
  it("does not grow without end", () => {
    expect(joined([], logs(...Array.from({ length: MOST + 5 }, (_, number) => String(number))))).toHaveLength(MOST);
  });
});
