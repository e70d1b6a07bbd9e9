/** What is told alike of keys and of service tokens. */

import { Button, Menu, Text } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { useApi } from "../api/client";
import { Amount } from "../pieces/amount";
import { Chip } from "../pieces/chip";
import { Dim } from "../pieces/dim";
import { iso, length, minute, relative } from "../time";

/** Of these days spend is told. */
export const DAYS = 30;
const TONES = { active: "good", disabled: "dim", expired: "near", revoked: "over" } as const;

/** What each key or service spent in the last days, by its name. */
export function useSpentBy(by: "key" | "service"): ReadonlyMap<string, string> | undefined {
  const hour = Math.floor(Date.now() / 3_600_000) * 3_600_000;
  const spent = useApi("/api/v1/analytics", { query: { from: iso(hour - DAYS * 86_400_000), by, metrics: "cost", limit: 1000 } });
  return spent.data && new Map(spent.data.groups.map(({ group, whole }) => [group[by] ?? "", whole.cost?.spent_usd ?? "0"]));
}

export function Acts({ name, rotate, revoke }: { name: string; rotate: () => void; revoke: () => void }) {
  return (
    <Menu position="bottom-end" transitionProps={{ duration: 0 }}>
      <Menu.Target>
        <Button variant="subtle" color="gray" size="compact-xs" aria-label={`What to do with ${name}`}>
          <IconDots size={16} />
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={rotate}>Rotate…</Menu.Item>
        <Menu.Item color="red" onClick={revoke}>
          Revoke…
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

interface Scoped {
  models: readonly string[];
  gateways: readonly string[];
  addresses: readonly string[];
}

/** What it may be used for, as far as it is narrowed. */
export function Scope({ of }: { of: Scoped }) {
  const said = [
    of.models.length > 0 && of.models.join(", "),
    of.gateways.length > 0 && `on ${of.gateways.join(", ")}`,
    of.addresses.length > 0 && `from ${of.addresses.join(", ")}`,
  ].filter(Boolean);
  return said.length === 0 ? <Dim>everything</Dim> : <span className="tw-clip">{said.join(" ")}</span>;
}

export function State({ of, now }: { of: { state: string; expires_at: string | null }; now: number }) {
  return (
    <div>
      <Chip tone={TONES[of.state as keyof typeof TONES] ?? "dim"}>{of.state}</Chip>
      {of.expires_at && of.state === "active" && (
        <Text size="xs" c="dimmed" title={minute(of.expires_at)}>
          ends {relative(of.expires_at, now)}
        </Text>
      )}
    </div>
  );
}

export function Spent({ of, spent }: { of: string; spent: ReadonlyMap<string, string> | undefined }) {
  if (!spent) return <Dim>…</Dim>;
  const amount = spent.get(of);
  return amount === undefined ? <Dim>nothing</Dim> : <Amount of={amount} />;
}

export function Age({ of, now }: { of: string | null; now: number }) {
  return of === null ? <Dim>not known</Dim> : <span title={minute(of)}>{length(now - new Date(of).getTime())}</span>;
}
