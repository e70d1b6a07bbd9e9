import { describe, expect, it } from "vitest";
import { cut, pieces, plain } from "./plain";

describe("plain", () => {
  it.each([
    ["team <b>ml</b> & 'co'", "team <b>ml</b> & 'co'"],
    ["\u001b[31mred\u001b[0m", "\\u001b[31mred\\u001b[0m"],
    ["user\u202egnp.exe", "user\\u202egnp.exe"],
    ["\u2066ml\u2069", "\\u2066ml\\u2069"],
    ["te\u200bam\ufeff", "te\\u200bam\\ufeff"],
    ["one\r\n\ttwo\u2028three", "one\\r\\n\\ttwo\\u2028three"],
    ["half \ud800 of a pair", "half \\ud800 of a pair"],
    ["flag \u{e0067}", "flag \\u{e0067}"],
    ["ml\u200d", "ml\\u200d"],
    [" ml", "␣ml"],
    ["ml ", "ml␣"],
    ["a  b c", "a ␣b c"],
    ["\u00a0ml", "\\u00a0ml"],
    [" ", "␣"],
    ["\u0007\u009b", "\\u0007\\u009b"],
  ])("writes out what is not seen, or steers what is: %j", (text, shown) => {
    expect(plain(text)).toBe(shown);
  });
  it.each(["فريق البحث", "می‌خواهم", "👩‍🔬", "Übersetzung", "机器学习", ""])("leaves the letters of others as they are: %j", (text) => {
    expect(plain(text)).toBe(text);
  });
});

describe("pieces", () => {
  it("tell a character that is written out from the same letters as somebody wrote them", () => {
    expect(pieces("\\u202e\u202e\u202eb")).toEqual([
      { text: "\\u202e", escape: false },
      { text: "\\u202e\\u202e", escape: true },
      { text: "b", escape: false },
    ]);
  });
});

describe("cut", () => {
  it("keeps what fits, and whole characters of what does not", () => {
    expect(cut("abc", 3)).toBe("abc");
    expect(cut("abcd", 3)).toBe("abc…");
    expect(cut("👩👩👩👩", 3)).toBe("👩👩👩…");
    expect(cut("x".repeat(10_240), 80)).toHaveLength(81);
  });
});
