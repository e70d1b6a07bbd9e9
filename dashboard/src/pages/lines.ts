/** What became of a text, line by line. */

export interface Line {
  text: string;
  side: "gone" | "come" | "same";
}

/** The lines of both, in an order that has those of each in theirs; as few as possible are told as changed. */
export function difference(before: readonly string[], after: readonly string[]): Line[] {
  const width = after.length + 1;
  // How long the longest common part of what is behind two places is.
  const common = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      common[i * width + j] =
        before[i] === after[j] ? (common[(i + 1) * width + j + 1] ?? 0) + 1 : Math.max(common[(i + 1) * width + j] ?? 0, common[i * width + j + 1] ?? 0);
  const found: Line[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      found.push({ text: after[j] ?? "", side: "same" });
      i++;
      j++;
    } else if (j >= after.length || (i < before.length && (common[(i + 1) * width + j] ?? 0) >= (common[i * width + j + 1] ?? 0)))
      found.push({ text: before[i++] ?? "", side: "gone" });
    else found.push({ text: after[j++] ?? "", side: "come" });
  }
  return found;
}

/** Settings as lines to be compared; nothing of what is not there. A text is its lines. */
export function linesOf(value: unknown): string[] {
  if (typeof value === "string") return value.split("\n");
  return value === null || value === undefined ? [] : JSON.stringify(value, null, 2).split("\n");
}
