/** Before and after in one text: what has gone, what has come, and what stands around it. */

import { Text } from "@mantine/core";
import { difference, linesOf } from "./lines";

export function LineDiff({ before, after, none = "Nothing differs." }: { before: unknown; after: unknown; none?: string }) {
  const lines = difference(linesOf(before), linesOf(after));
  if (!lines.some((line) => line.side !== "same"))
    return (
      <Text size="sm" c="dimmed">
        {none}
      </Text>
    );
  return (
    <div className="tw-diff" tabIndex={0} role="group" aria-label="Difference">
      {lines.map(({ text, side }, number) => (
        <div key={number} data-side={side === "same" ? undefined : side}>
          {side === "gone" ? <b aria-label="taken out">−</b> : side === "come" ? <b aria-label="new">+</b> : <b aria-hidden> </b>} {text}
        </div>
      ))}
    </div>
  );
}
