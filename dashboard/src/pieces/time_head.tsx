/** The head of a column of times of day: by whose clocks. */

import { zoneTold } from "../time";

export function TimeHead() {
  const zone = zoneTold();
  return <span title={`Times are those of ${zone}`}>Time ({(zone.split("/").at(-1) ?? zone).replaceAll("_", " ")})</span>;
}
