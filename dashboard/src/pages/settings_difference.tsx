/** What was written and what would be, line by line. */

export function Difference({ before, after }: { before: unknown; after: unknown }) {
  return (
    <div className="tw-diff tw-diff-scroll" tabIndex={0} role="group" aria-label="The difference">
      {compared(lines(before), lines(after)).map(([side, line], number) => (
        <div key={number} data-side={side === "same" ? undefined : side}>
          <b aria-label={side === "gone" ? "taken out" : side === "come" ? "added" : undefined}>{side === "gone" ? "−" : side === "come" ? "+" : " "}</b> {line}
        </div>
      ))}
    </div>
  );
}

type Line = readonly [side: "gone" | "come" | "same", line: string];
/** Beyond it a difference is not looked for line by line. */
const MOST = 1_500;

function lines(value: unknown): string[] {
  if (value === null || value === undefined) return [];
  return typeof value === "string" ? value.split("\n") : JSON.stringify(value, null, 2).split("\n");
}

/** The longest common lines stay; what lies between is gone or come. */
export function compared(before: readonly string[], after: readonly string[]): Line[] {
  let [start, end] = [0, 0];
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  while (end < before.length - start && end < after.length - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  const [old, fresh] = [before.slice(start, before.length - end), after.slice(start, after.length - end)];
  const same = (some: readonly string[]): Line[] => some.map((line) => ["same", line] as const);
  const middle = old.length > MOST || fresh.length > MOST ? [...old.map((line) => ["gone", line] as const), ...fresh.map((line) => ["come", line] as const)] : longest(old, fresh);
  return [...same(before.slice(0, start)), ...middle, ...same(before.slice(before.length - end))];
}

function longest(old: readonly string[], fresh: readonly string[]): Line[] {
  const width = fresh.length + 1;
  const common = new Uint16Array((old.length + 1) * width);
  const at = (i: number, j: number) => common[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i -= 1)
    for (let j = fresh.length - 1; j >= 0; j -= 1) common[i * width + j] = old[i] === fresh[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const found: Line[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < fresh.length) {
    if (i < old.length && j < fresh.length && old[i] === fresh[j]) {
      found.push(["same", old[i] ?? ""]);
      [i, j] = [i + 1, j + 1];
    } else if (i < old.length && (j >= fresh.length || at(i + 1, j) >= at(i, j + 1))) {
      found.push(["gone", old[i] ?? ""]);
      i += 1;
    } else {
      found.push(["come", fresh[j] ?? ""]);
      j += 1;
    }
  }
  return found;
}
