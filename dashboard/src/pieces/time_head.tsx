/** The head of a column of times of day: by whose clocks. */

import { useZone } from "../shell/address";

export function TimeHead() {
  // Asked here, since columns are made once, and what is made once is not drawn again with the page.
  const zone = useZone();
  return <span title={`Times are those of ${zone}`}>Time ({(zone.split("/").at(-1) ?? zone).replaceAll("_", " ")})</span>;
}
