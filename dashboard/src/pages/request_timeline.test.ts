import { describe, expect, it } from "vitest";
import { stretches } from "./request_timeline";

const times = (given: Partial<Parameters<typeof stretches>[0]>) =>
  stretches({ total_us: 1000, sent_us: null, upstream_us: null, first_chunk_us: null, waited_us: 0, overhead_us: 0, ...given });

describe("stretches", () => {
  it("add up to the whole request, without a gap", () => {
    for (const found of [
      times({ sent_us: 100, upstream_us: 850, first_chunk_us: 300 }),
      times({ sent_us: 100, upstream_us: 850 }),
      times({ upstream_us: 900, first_chunk_us: 40 }),
      times({}),
      times({ waited_us: 40, sent_us: 100, upstream_us: 850, first_chunk_us: 300 }),
      times({ waited_us: 40 }),
    ]) {
      expect(found[0]?.from).toBe(0);
      expect(found.at(-1)?.to).toBe(1000);
      found.slice(1).forEach((one, place) => expect(one.from).toBe(found[place]?.to));
    }
  });
  it("tell ours and the provider's apart", () => {
    const found = times({ sent_us: 100, upstream_us: 850, first_chunk_us: 300 });
    expect(found.map((one) => [one.ours, one.to - one.from])).toEqual([
      [true, 100],
      [false, 200],
      [false, 650],
      [true, 50],
    ]);
  });
  it("tell what it waited for money apart from what is ours", () => {
    expect(times({ waited_us: 60, sent_us: 100, upstream_us: 900 }).map((one) => [one.ours, one.to - one.from])).toEqual([
      [false, 60],
      [true, 40],
      [false, 900],
    ]);
  });
  it("say that nothing was sent", () => {
    expect(times({})).toEqual([{ name: "Tollway, and nothing was sent", from: 0, to: 1000, ours: true }]);
  });
});
