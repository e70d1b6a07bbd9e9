/** What do I have left, and what have I spent? */

import { Alert, Anchor, Button, Text } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useApi } from "../api/client";
import { useWho } from "../api/session";
import { Chip } from "../pieces/chip";
import { Copyable } from "../pieces/copyable";
import { Page, Panel } from "../pieces/page";
import { Empty, Failed, Loading } from "../pieces/states";
import { carried, useAddress, useSpan } from "../shell/address";
import { relative } from "../time";
import { PersonSessions, PersonSpend } from "./person";
import { PersonLayers } from "./person_layers";

export function Me() {
  const { name, session, may } = useWho();
  const [address] = useAddress();
  const { asked } = useSpan();
  const mine = useApi("/api/v1/people/{user}", { path: { user: name }, query: { ...asked, sessions: 8 } });
  return (
    <Page title="My usage" question={`What is left for ${name}, and what was spent.`}>
      {mine.error ? (
        <Failed error={mine.error} what="Your usage cannot be shown" again={() => void mine.refetch()} />
      ) : mine.data && !mine.data.known && may("analytics:read") ? (
        <Empty title={`${name} has no spend of their own`}>
          Local administrators and the administrator's token look after the gateway, and spend nothing by name.{" "}
          <Link to="/people" search={carried(address) as never} className="tw-link">
            What people use
          </Link>{" "}
          is told for everybody.
        </Empty>
      ) : (
        <div className="tw-stack">
          <div className="tw-two tw-person-two">
            <div className="tw-stack">
              <PersonLayers user={name} mine />
              <Panel title="How to get more">
                <Text size="sm">
                  An administrator can raise a limit for a while, or for good. Send them what is said here: your name, the budget that is the
                  tightest, and how much you need until when.
                </Text>
                <Copyable text={`${name}: please raise my tightest budget (see ${window.location.origin}/dashboard/people/${encodeURIComponent(name)}) by $… until …`} what="the request" block />
                <Text size="xs" c="dimmed" mt="xs">
                  Meanwhile a smaller model may still work: each budget says which models it counts.
                </Text>
              </Panel>
              <MyKeys name={name} />
            </div>
            <div className="tw-stack">
              <PersonSessions sessions={mine.data?.sessions} whole={mine.data?.sessions_in_range} user={name} />
            </div>
          </div>
          <PersonSpend user={name} />
          <Alert color="gray" variant="light" icon={<IconInfoCircle size={17} />} title="In your own programs">
            Every answer says what it cost and what is left, in its headers; so does this, for a key of yours:
            <Copyable text={`curl ${window.location.origin}/v1/budget -H 'authorization: Bearer YOUR_GATEWAY_KEY'`} what="the command" block />
            {session.groups.length > 0 && `You are in ${session.groups.join(", ")}.`}
          </Alert>
        </div>
      )}
    </Page>
  );
}

function MyKeys({ name }: { name: string }) {
  const { may } = useWho();
  const keys = useApi("/api/v1/keys", { query: { owner: name, state: "active", limit: 50 } }, { enabled: may("own:keys") || may("keys:read") });
  return (
    <Panel
      title="My keys"
      actions={
        <Anchor component={Link} to="/keys" size="xs">
          All, and new ones
        </Anchor>
      }
    >
      {keys.error ? (
        <Failed error={keys.error} what="Your keys cannot be shown" again={() => void keys.refetch()} />
      ) : !keys.data ? (
        <Loading rows={2} height={26} />
      ) : keys.data.items.length === 0 ? (
        <div>
          <Text size="sm" c="dimmed" mb="xs">
            None is active. A program needs one; the playground does not.
          </Text>
          <Button component={Link} to="/keys" search={{ open: "new" } as never} variant="default" size="xs">
            Make a key
          </Button>
        </div>
      ) : (
        keys.data.items.map((key) => (
          <div key={key.id ?? key.name} className="tw-model-line">
            <Text size="sm" fw={500} className="tw-person-name">
              {key.name}
            </Text>
            <Text size="xs" c="dimmed" component="div">
              {key.last_used_at ? `used ${relative(key.last_used_at, Date.now())}` : <Chip tone="dim">never used</Chip>}
            </Text>
          </div>
        ))
      )}
    </Panel>
  );
}
