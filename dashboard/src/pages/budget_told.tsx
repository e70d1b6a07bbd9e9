/** Whom a budget tells: where its own thresholds go, and the rules that watch it besides. */

import { Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useApi } from "../api/client";
import { useWho } from "../api/session";
import { listed, watching, type Watch } from "./alert_words";

interface Told {
  /** The channels that thresholds go to; null where the reader may not see them, or they are not known yet. */
  channels: readonly string[] | null;
  rules: readonly Watch[];
}

/** `budget`: null for one that is not there yet. */
export function useTold(budget: { id: string; name: string } | null): Told {
  const { may } = useWho();
  const sees = { enabled: may("alerts:read") };
  const channels = useApi("/api/v1/alerts/channels", {}, sees);
  const rules = useApi("/api/v1/alerts/rules", {}, sees);
  return {
    channels: channels.data?.items.filter((channel) => channel.default).map(({ name }) => name) ?? null,
    rules: watching(rules.data?.items ?? [], budget),
  };
}

/** "ops and mail", as a part of a sentence. */
export function Channels({ of }: { of: readonly string[] }) {
  return of.length > 0 ? <b title="Every channel that does not say default: false">{listed(of)}</b> : <b title="No channel of the settings is told by default">nobody yet</b>;
}

/** The rules that watch it, each a sentence. */
export function WatchedBy({ rules }: { rules: readonly Watch[] }) {
  return rules.map((rule) => (
    <Text key={rule.name} size="xs" c="dimmed">
      Rule{" "}
      <Link to="/alerts" search={{ rule: rule.name } as never} className="tw-link">
        {rule.name}
      </Link>{" "}
      tells {rule.channels.length > 0 ? listed(rule.channels) : "nobody: it is only kept,"} {rule.says}.
    </Text>
  ));
}
