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

/** A field as the head of a column: "Model"; a key of metadata as its callers write it. */
export function fieldName(field: string): string {
  const key = field.replace(/^metadata\./, "");
  return key !== field && key !== "team" ? key : `${key.charAt(0).toUpperCase()}${key.slice(1).replaceAll("_", " ")}`;
}
