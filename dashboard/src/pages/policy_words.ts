/** What a policy does, and with what, in words. */

export function resourceText(resource: unknown): string {
  if (resource === "*" || resource === null || resource === undefined) return "every model";
  const one = (each: unknown): string =>
    typeof each === "object" && each !== null
      ? Object.entries(each)
          .map(([name, value]) => `${name} ${([] as unknown[]).concat(value).join(" or ")}`)
          .join(", ")
      : String(each);
  return ([] as unknown[]).concat(resource).map(one).join("; ");
}

export function actionText(action: Record<string, unknown>): string {
  if (action.type === "limit") return `up to $${String(action.amount)} ${String(action.period ?? "")}`;
  if (action.type === "block") return action.except ? "blocks everything else" : "blocks";
  return "permits, without a limit";
}
