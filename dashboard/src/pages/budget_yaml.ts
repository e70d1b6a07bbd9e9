/** An entry as the settings file has it. JSON is YAML, so values are written as that; strings stay quoted, and no amount becomes
 * a number. */

export function yaml(section: string, entry: Record<string, unknown>): string {
  const lines = Object.entries(entry).map(([name, value]) => `${name}: ${flow(value)}`);
  return `${section}:\n${lines.map((line, place) => `  ${place === 0 ? "- " : "  "}${line}`).join("\n")}\n`;
}

function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (typeof value === "object" && value !== null)
    return `{${Object.entries(value)
      .map(([name, inner]) => `${/^[A-Za-z_][\w.-]*$/.test(name) ? name : JSON.stringify(name)}: ${flow(inner)}`)
      .join(", ")}}`;
  return JSON.stringify(value);
}
