/** What the most went to: name, amount, its part of the whole; a click narrows the page to it. */

import { Text, UnstyledButton } from "@mantine/core";
import { percent, type Nanodollars } from "../money";
import { Amount } from "./amount";
import { Empty } from "./states";

interface Line {
  name: string | null;
  amount: Nanodollars;
}

interface Props {
  lines: readonly Line[];
  total: Nanodollars;
  pick?: (name: string) => void;
  most?: number;
  nobody?: string;
}

export function TopList({ lines, total, pick, most = 7, nobody = "nobody named" }: Props) {
  if (lines.length === 0) return <Empty title="Nothing was spent in this range" />;
  return (
    <div>
      {lines.slice(0, most).map(({ name, amount }) => {
        const inner = (
          <>
            <Text span inherit truncate c={name === null ? "dimmed" : undefined}>
              {name ?? nobody}
            </Text>
            <Amount of={amount} fw={500} />
            <span className="tw-top-share tw-number">{percent(amount, total) ?? "—"}</span>
          </>
        );
        return pick && name !== null ? (
          <UnstyledButton key={name} className="tw-top-line tw-row" onClick={() => pick(name)}>
            {inner}
          </UnstyledButton>
        ) : (
          <div key={name ?? ""} className="tw-top-line">
            {inner}
          </div>
        );
      })}
    </div>
  );
}
