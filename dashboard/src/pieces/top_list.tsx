/** What the most went to: name, a line over time, amount, its part of the whole, its change; a click narrows the page to it. */

import { Text, UnstyledButton } from "@mantine/core";
import { percent, share, type Nanodollars } from "../money";
import { Amount } from "./amount";
import { Chip } from "./chip";
import { Said } from "./said";
import { Empty } from "./states";

interface Line {
  name: string | null;
  amount: Nanodollars;
  /** Over time, where that is known. */
  over?: readonly Nanodollars[];
  /** Nothing of it has a price, so its amount is unknown. */
  unpriced?: boolean;
}

interface Props {
  lines: readonly Line[];
  total: Nanodollars;
  /** Of null: all without a name. */
  pick?: (name: string | null) => void;
  most?: number;
  nobody?: string;
}

export function TopList({ lines, total, pick, most = 7, nobody = "nobody named" }: Props) {
  if (lines.length === 0) return <Empty title="Nothing was spent in this range" />;
  return (
    <div>
      {lines.slice(0, most).map(({ name, amount, over, unpriced }) => {
        const inner = (
          <>
            <Text span inherit truncate c={name === null ? "dimmed" : undefined}>
              {name === null ? nobody : <Said text={name} />}
            </Text>
            <span className="tw-top-amount">
              {over && <Spark over={over} />}
              {unpriced ? <Chip tone="unpriced">no price</Chip> : <Amount of={amount} fw={500} />}
            </span>
            <span className="tw-top-share tw-number">{unpriced ? "—" : (percent(amount, total) ?? "—")}</span>
          </>
        );
        return pick ? (
          <UnstyledButton key={name ?? ""} className="tw-top-line tw-row" onClick={() => pick(name)}>
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

const WIDE = 72;
const TALL = 18;

/** A line over time without axes: its shape alone. */
function Spark({ over }: { over: readonly Nanodollars[] }) {
  const most = over.reduce((found, each) => (each > found ? each : found), 0n);
  const least = over.reduce((found, each) => (each < found ? each : found), 0n);
  if (over.length < 3 || most === least) return null;
  const step = WIDE / (over.length - 1);
  const points = over.map((each, number) => `${(number * step).toFixed(1)},${(TALL - 1 - share(each - least, most - least) * (TALL - 2)).toFixed(1)}`);
  return (
    <svg className="tw-spark" width={WIDE} height={TALL} viewBox={`0 0 ${WIDE} ${TALL}`} aria-hidden>
      <polyline points={points.join(" ")} />
    </svg>
  );
}
