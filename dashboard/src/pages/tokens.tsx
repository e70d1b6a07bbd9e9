/** Client ids and secrets for agents and CI jobs, whose name budgets and logs know them by. */

import { Alert, Button, Group, Modal, NumberInput, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconKey } from "@tabler/icons-react";
import { useState, type FormEvent } from "react";
import { useApi, useChange, type Schemas } from "../api/client";
import { nanodollars } from "../money";
import { Copyable } from "../pieces/copyable";
import { Dim } from "../pieces/dim";
import { Panel } from "../pieces/page";
import { Empty, Failed, Loading } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { useAddress } from "../shell/address";
import { minute, relative } from "../time";
import { Acts, Age, DAYS, Scope, Spent, State, useSpentBy } from "./keys_shown";

type Token = Schemas["ServiceTokenShown"];
type Made = Schemas["ServiceTokenMade"];
type Asked = { act: "rotate" | "revoke"; token: Token };

export function ServiceTokens({ writes }: { writes: boolean }) {
  const [address, go] = useAddress();
  const [asked, setAsked] = useState<Asked | null>(null);
  const [made, setMade] = useState<Made | null>(null);
  const tokens = useApi("/api/v1/service-tokens", { query: { state: address.state, owner: address.owner, limit: 200 } });
  const spent = useSpentBy("service");
  return (
    <>
      <Panel title="Service tokens" flush hint={tokens.data && `${tokens.data.items.length}${tokens.data.next ? " and more" : ""}`}>
        {tokens.error ? (
          <Failed error={tokens.error} what="Service tokens cannot be shown" again={() => void tokens.refetch()} />
        ) : !tokens.data ? (
          <Group p="md">
            <Loading rows={6} />
          </Group>
        ) : tokens.data.items.length === 0 ? (
          <Empty title={address.state ? "No service token is in this state" : "There is no service token yet"} command="tollway service-tokens create nightly-ci --team ml">
            An agent or a CI job sends its client id and secret; budgets split by `service` and logs know it by its name.
          </Empty>
        ) : (
          <DataTable label="Service tokens" columns={columns(writes, setAsked, spent)} rows={tokens.data.items} keyOf={(token) => token.id} />
        )}
      </Panel>
      <Modal opened={address.open === "new"} onClose={() => go({ open: undefined })} title="New service token" closeButtonProps={{ "aria-label": "Close" }}>
        {address.open === "new" && (
          <NewToken
            made={(token) => {
              go({ open: undefined });
              setMade(token);
            }}
          />
        )}
      </Modal>
      <Act asked={asked} close={() => setAsked(null)} made={setMade} />
      <Modal opened={!!made} onClose={() => setMade(null)} title="The secret, shown this once" closeOnClickOutside={false} closeButtonProps={{ "aria-label": "Close" }}>
        {made && <Secret made={made} close={() => setMade(null)} />}
      </Modal>
    </>
  );
}

function Secret({ made, close }: { made: Made; close: () => void }) {
  return (
    <Stack gap="sm">
      <div>
        <Text size="xs" fw={600} mb={4}>
          Client id
        </Text>
        <Copyable text={made.client_id} what="the client id" block />
      </div>
      <div>
        <Text size="xs" fw={600} mb={4}>
          Client secret
        </Text>
        <Copyable text={made.client_secret} what="the client secret" block />
      </div>
      <Alert color="yellow" variant="outline" icon={<IconKey size={17} />} title="Keep it now">
        The gateway keeps a hash of it alone, and cannot show it again. If it is lost, rotate the token.
      </Alert>
      {made.previous_client_secret_expires_at && <Text size="sm">The secret of until now works until {minute(made.previous_client_secret_expires_at)}.</Text>}
      {made.warnings.map((warning) => (
        <Text key={warning} size="sm">
          {warning}
        </Text>
      ))}
      <Button size="sm" onClick={close}>
        I have it
      </Button>
    </Stack>
  );
}

function NewToken({ made }: { made: (token: Made) => void }) {
  const [name, setName] = useState("");
  const [owner, setOwner] = useState("");
  const [team, setTeam] = useState("");
  const [models, setModels] = useState("");
  const [expires, setExpires] = useState("365d");
  const make = useChange("post", "/api/v1/service-tokens");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const patterns = models.split(",").map((model) => model.trim()).filter(Boolean);
    const body = {
      name: name.trim(),
      ...(owner.trim() ? { owner: owner.trim() } : {}),
      ...(team.trim() ? { team: team.trim() } : {}),
      ...(patterns.length > 0 ? { models: patterns } : {}),
      ...(expires.trim() ? { expires_in: expires.trim() } : {}),
    };
    make.mutate({ body }, { onSuccess: made });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <TextInput label="Name" description="What budgets and logs know it by, for good: nightly-ci" value={name} onChange={(event) => setName(event.currentTarget.value)} required data-autofocus />
        <TextInput label="Owner" description="Who answers for it" value={owner} onChange={(event) => setOwner(event.currentTarget.value)} placeholder="alice@example.com" />
        <TextInput label="Team" description="metadata.team of what it asks for" value={team} onChange={(event) => setTeam(event.currentTarget.value)} />
        <TextInput label="Models" description="Patterns with commas between them; empty for all" value={models} onChange={(event) => setModels(event.currentTarget.value)} placeholder="openai/*, anthropic/claude-haiku-*" />
        <TextInput label="Ends after" description="12h, 90d; empty for never" value={expires} onChange={(event) => setExpires(event.currentTarget.value)} />
        {make.error && <Failed error={make.error} what="The service token was not made" />}
        <Button type="submit" size="sm" loading={make.isPending}>
          Make the service token
        </Button>
      </Stack>
    </form>
  );
}

function Act({ asked, close, made }: { asked: Asked | null; close: () => void; made: (token: Made) => void }) {
  const [grace, setGrace] = useState<number | string>(24);
  const rotate = useChange("post", "/api/v1/service-tokens/{token_id}/rotate");
  const revoke = useChange("post", "/api/v1/service-tokens/{token_id}/revoke");
  const path = { token_id: asked?.token.id ?? "" };
  const name = asked?.token.name ?? "";
  const turned = (token: Made) => {
    close();
    made(token);
  };
  const ended = () => {
    close();
    notifications.show({ message: `${name} is revoked`, color: "teal" });
  };
  return (
    <Modal opened={!!asked} onClose={close} title={asked?.act === "rotate" ? `Rotate ${name}` : `Revoke ${name}`} closeButtonProps={{ "aria-label": "Close" }}>
      {asked?.act === "rotate" ? (
        <Stack gap="sm">
          <Text size="sm">It gets a new secret; the client id stays. The old secret goes on working for a while, so that jobs can be changed over.</Text>
          <NumberInput label="The old one works for, in hours" min={0} max={720} value={grace} onChange={setGrace} />
          {rotate.error && <Failed error={rotate.error} what="The service token was not rotated" />}
          <Button size="sm" loading={rotate.isPending} onClick={() => rotate.mutate({ path, body: { grace_s: Math.round(Number(grace) * 3600) } }, { onSuccess: turned })}>
            Make a new secret
          </Button>
        </Stack>
      ) : (
        <Stack gap="sm">
          <Text size="sm">What uses it is refused from the next request on. It cannot be taken back: make another one then.</Text>
          {revoke.error && <Failed error={revoke.error} what="The service token was not revoked" />}
          <Button size="sm" color="red" loading={revoke.isPending} onClick={() => revoke.mutate({ path }, { onSuccess: ended })}>
            Revoke it for good
          </Button>
        </Stack>
      )}
    </Modal>
  );
}

function columns(writes: boolean, ask: (asked: Asked) => void, spent: ReadonlyMap<string, string> | undefined): readonly Column<Token>[] {
  const now = Date.now();
  return [
    {
      id: "name",
      head: "Name",
      by: (token) => token.name,
      cell: (token) => (
        <div>
          <Text size="sm" fw={600}>
            {token.name}
          </Text>
          <span className="tw-inline-code">{token.client_id}</span>
        </div>
      ),
    },
    {
      id: "owner",
      head: "Owner",
      by: (token) => token.owner,
      cell: (token) => (
        <div>
          {token.owner ?? <Dim>nobody</Dim>}
          {token.team && (
            <Text size="xs" c="dimmed">
              team {token.team}
            </Text>
          )}
        </div>
      ),
    },
    { id: "scope", head: "May use", cell: (token) => <Scope of={token} /> },
    { id: "state", head: "State", by: (token) => token.state, cell: (token) => <State of={token} now={now} /> },
    { id: "spent", head: `Spent, ${DAYS} d`, number: true, by: (token) => nanodollars(spent?.get(token.service) ?? "0"), cell: (token) => <Spent of={token.service} spent={spent} /> },
    { id: "used", head: "Used last", by: (token) => token.last_used_at, cell: (token) => (token.last_used_at ? relative(token.last_used_at, now) : <Dim>not known</Dim>) },
    { id: "age", head: "Age", by: (token) => token.created_at, cell: (token) => <Age of={token.created_at} now={now} /> },
    {
      id: "act",
      head: <span className="tw-hidden">Actions</span>,
      width: 60,
      cell: (token) =>
        writes && (token.state === "active" || token.state === "disabled") ? (
          <Acts name={token.name} rotate={() => ask({ act: "rotate", token })} revoke={() => ask({ act: "revoke", token })} />
        ) : null,
    },
  ];
}
