import { expect, test } from "vitest";
import { bookText, dayText, differenceOf, differenceText, doubtText, sourceText } from "./price_source";

const BOOK = { version: "genai-prices 0.2.3, litellm 1.106.2", date: "2026-11-21" };

test("a source is told by its name and version, a page by its host", () => {
  expect(sourceText("litellm", BOOK)).toBe("litellm 1.106.2");
  expect(sourceText("https://ai.google.dev/gemini-api/docs/pricing", BOOK)).toBe("ai.google.dev");
  expect(sourceText("settings", BOOK)).toBe("settings");
  expect(sourceText("litellm", undefined)).toBe("litellm");
  expect(bookText(BOOK)).toBe("list of 2026-11-21: genai-prices 0.2.3, litellm 1.106.2");
});

test("a price that begins at midnight begins on a day", () => {
  expect(dayText("2026-03-13T00:00:00.000Z")).toBe("2026-03-13");
  expect(dayText("2026-03-13T06:30:00.000Z")).toBe("2026-03-13 06:30 UTC");
});

test("a doubt names the meter, the name that means the model, and what each list says", () => {
  const doubt = { provider: "mistral", model: "codestral-latest", difference_percent: "-90.0", used: "genai-prices", used_usd: "0.3" };
  expect(doubtText({ ...doubt, meter: "cache_read", genai_prices_usd: "0.3", litellm_usd: "0.03", charged_as: "input" })).toBe(
    "cache read of codestral-latest: genai-prices says $0.30, as input, LiteLLM $0.03",
  );
  expect(doubtText({ ...doubt, meter: "input", genai_prices_usd: "0.3", litellm_usd: "1", charged_as: null })).toBe(
    "input of codestral-latest: genai-prices says $0.30, LiteLLM $1.00",
  );
});

test("a unit price keeps all its places", () => {
  const doubt = { provider: "openai", model: "gpt-4o-mini", meter: "cache_read", difference_percent: "912.1", used: "genai-prices", used_usd: "0.075", charged_as: null };
  expect(doubtText({ ...doubt, genai_prices_usd: "0.075", litellm_usd: "0.1895" })).toBe("cache read of gpt-4o-mini: genai-prices says $0.075, LiteLLM $0.1895");
});

test("a difference of nothing is larger than any other", () => {
  expect(["12.5", "inf", "-97.5"].map(differenceOf)).toEqual([12.5, Infinity, -97.5]);
});

test("a difference has its sign and its thousands", () => {
  expect(["912.1", "1648.2", "-97.5", "0.0", "inf"].map(differenceText)).toEqual(["+912.1 %", "17.5×", "−97.5 %", "0.0 %", "from nothing"]);
});
