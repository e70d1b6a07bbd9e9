/** Lists as people type them. */

export function words(text: string): string[] {
  return text
    .split(",")
    .map((word) => word.trim())
    .filter(Boolean);
}

/** "plan=free, app=web" as an object. */
export function pairs(text: string): Record<string, string> {
  return Object.fromEntries(
    words(text)
      .filter((word) => word.includes("="))
      .map((word) => [word.slice(0, word.indexOf("=")).trim(), word.slice(word.indexOf("=") + 1).trim()]),
  );
}
