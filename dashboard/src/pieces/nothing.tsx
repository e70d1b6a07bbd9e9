/** An empty listing says why it is empty: the range is the wrong way round, a filter leaves nothing, or nobody has asked yet. */

import { Link } from "@tanstack/react-router";
import { useApi } from "../api/client";
import { useWho } from "../api/session";
import { useSpan } from "../shell/address";
import { Empty } from "./states";

/** Before there was any gateway. */
const EVER = "2000-01-01";

/** Whether anything was ever asked or charged; null while that is not known, or not for this reader to know. */
function useBegun(): boolean | null {
  const { may } = useWho();
  const ever = useApi("/api/v1/analytics", { query: { from: EVER, metrics: "requests,cost" } }, { enabled: may("analytics:read") });
  const { requests, cost } = ever.data?.total.whole ?? {};
  return ever.data ? (requests?.requests ?? 0) + (cost?.entries ?? 0) > 0 : null;
}

interface Props {
  /** What is empty, where something was asked before: "No request fits". */
  title: string;
  filters: Record<string, string | undefined>;
  /** A command that makes it show something. */
  command?: string;
}

export function Nothing({ title, filters, command }: Props) {
  const { backwards } = useSpan();
  const begun = useBegun();
  const filtered = Object.values(filters).some((value) => value !== undefined);
  if (backwards) return <Backwards />;
  if (begun === false)
    return (
      <Empty title="Nothing was asked yet" command={command}>
        A request is here a moment after its answer. Begin at{" "}
        <Link to="/setup" className="tw-link">
          Client set-up
        </Link>
        , which says how an application is pointed at this gateway{command ? ", or ask by hand:" : "."}
      </Empty>
    );
  return (
    <Empty title={title} command={command}>
      {filtered ? "Take a filter away, or choose a longer range." : "Choose a longer range."}
      {command && " A request is here a moment after its answer:"}
    </Empty>
  );
}

/** A range without a day in it has no sum, not even one of nothing. */
export function Backwards() {
  return <Empty title="The range ends before it begins">Its last day is before its first. Choose another range above.</Empty>;
}
