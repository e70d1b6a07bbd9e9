/** How do I connect? */

import { Alert, Button, Group, NavLink, PasswordInput, Text } from "@mantine/core";
import { IconCircleCheck, IconLoader, IconPlugConnected } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { Link } from "@tanstack/react-router";
import { useApi, useChange } from "../api/client";
import { useWho } from "../api/session";
import { Amount } from "../pieces/amount";
import { Copyable } from "../pieces/copyable";
import { Page, Panel } from "../pieces/page";
import { Failed } from "../pieces/states";
import { useAddress } from "../shell/address";
import { iso } from "../time";
import { Outcome } from "./requests";

const HOLE = "YOUR_GATEWAY_KEY";

interface Client {
  id: string;
  name: string;
  note: string;
  parts: (base: string, key: string, model: string) => readonly (readonly [title: string, text: string])[];
}

const CLIENTS: readonly Client[] = [
  {
    id: "openai",
    name: "OpenAI SDKs",
    note: "Python, Node and every other SDK that reads these two variables; LangChain and most frameworks too.",
    parts: (base, key, model) => [
      ["Environment", `export OPENAI_BASE_URL=${base}/v1\nexport OPENAI_API_KEY=${key}`],
      [
        "Python",
        `from openai import OpenAI\n\nclient = OpenAI(base_url="${base}/v1", api_key="${key}")\nanswer = client.chat.completions.create(\n    model="${model}",\n    messages=[{"role": "user", "content": "Hello!"}],\n)\nprint(answer.choices[0].message.content)`,
      ],
      [
        "TypeScript",
        `import OpenAI from "openai";\n\nconst client = new OpenAI({ baseURL: "${base}/v1", apiKey: "${key}" });\nconst answer = await client.chat.completions.create({\n  model: "${model}",\n  messages: [{ role: "user", content: "Hello!" }],\n});`,
      ],
    ],
  },
  {
    id: "anthropic",
    name: "Anthropic SDKs",
    note: "The base URL has no /v1: the SDK adds it.",
    parts: (base, key) => [
      ["Environment", `export ANTHROPIC_BASE_URL=${base}\nexport ANTHROPIC_AUTH_TOKEN=${key}`],
      [
        "Python",
        `from anthropic import Anthropic\n\nclient = Anthropic(base_url="${base}", auth_token="${key}")\nanswer = client.messages.create(\n    model="claude-sonnet-4-5",\n    max_tokens=500,\n    messages=[{"role": "user", "content": "Hello!"}],\n)`,
      ],
    ],
  },
  {
    id: "claude-code",
    name: "Claude Code",
    note: "Set both before it starts, or put them into the env of its settings.json.",
    parts: (base, key) => [
      ["Shell", `export ANTHROPIC_BASE_URL=${base}\nexport ANTHROPIC_AUTH_TOKEN=${key}\nclaude`],
      ["~/.claude/settings.json", `{\n  "env": {\n    "ANTHROPIC_BASE_URL": "${base}",\n    "ANTHROPIC_AUTH_TOKEN": "${key}"\n  }\n}`],
    ],
  },
  {
    id: "codex",
    name: "Codex",
    note: "Codex speaks the Responses API.",
    parts: (base, key) => [
      [
        "~/.codex/config.toml",
        `model_provider = "tollway"\n\n[model_providers.tollway]\nname = "Tollway"\nbase_url = "${base}/v1"\nenv_key = "TOLLWAY_KEY"\nwire_api = "responses"`,
      ],
      ["Shell", `export TOLLWAY_KEY=${key}\ncodex`],
    ],
  },
  {
    id: "cursor",
    name: "Cursor",
    note: "Settings → Models → API Keys. Cursor's own servers call the base URL, so it has to be reachable from the internet, with TLS.",
    parts: (base, key) => [
      ["OpenAI API key", key],
      ["Override OpenAI base URL", `${base}/v1`],
    ],
  },
  {
    id: "curl",
    name: "curl",
    note: "Every answer has headers that say what it cost and what is left.",
    parts: (base, key, model) => [
      [
        "Shell",
        `curl ${base}/v1/chat/completions \\\n  -H 'authorization: Bearer ${key}' \\\n  -H 'content-type: application/json' \\\n  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello!"}]}'`,
      ],
      ["What is left, and which models work", `curl ${base}/v1/budget -H 'authorization: Bearer ${key}'`],
    ],
  },
  {
    id: "vercel",
    name: "Vercel AI SDK",
    note: "By the provider for OpenAI.",
    parts: (base, key, model) => [
      [
        "TypeScript",
        `import { createOpenAI } from "@ai-sdk/openai";\nimport { generateText } from "ai";\n\nconst tollway = createOpenAI({ baseURL: "${base}/v1", apiKey: "${key}" });\nconst { text } = await generateText({ model: tollway.chat("${model}"), prompt: "Hello!" });`,
      ],
    ],
  },
  {
    id: "gemini",
    name: "google-genai",
    note: "Google's own SDK, in its own API.",
    parts: (base, key) => [["Environment", `export GOOGLE_GEMINI_BASE_URL=${base}\nexport GEMINI_API_KEY=${key}`]],
  },
];

export function Setup() {
  const [address, go] = useAddress();
  const { may, owns } = useWho();
  const [key, setKey] = useState("");
  const client = CLIENTS.find((each) => each.id === address.client) ?? CLIENTS[0];
  const base = window.location.origin;
  if (!client) return null;
  return (
    <Page title="Set up a client" question="How do I connect what I use?">
      <div className="tw-setup">
        <nav aria-label="Clients" className="tw-setup-list">
          {CLIENTS.map((each) => (
            <NavLink
              key={each.id}
              label={each.name}
              active={each.id === client.id}
              component="button"
              aria-current={each.id === client.id}
              className="tw-entry"
              onClick={() => go({ client: each.id })}
            />
          ))}
        </nav>
        <div className="tw-stack">
          <Panel title="Your key">
            <Group align="end" gap="xs">
              <PasswordInput
                label="Gateway key"
                description="Filled into the snippets in this tab, and sent nowhere."
                placeholder={HOLE}
                value={key}
                onChange={(event) => setKey(event.currentTarget.value.trim())}
                autoComplete="off"
                spellCheck={false}
                className="tw-setup-key"
              />
              {(may("keys:write") || owns("own:keys")) && !key && <MakeKey client={client.id} made={setKey} />}
            </Group>
            <Text size="xs" c="dimmed" mt="xs">
              This gateway: <span className="tw-inline-code">{base}</span>
            </Text>
          </Panel>
          <Panel title={client.name} hint={client.note}>
            <div className="tw-stack">
              {client.parts(base, key || HOLE, "openai/gpt-4o-mini").map(([title, text]) => (
                <div key={title}>
                  <Text size="xs" fw={600} mb={4}>
                    {title}
                  </Text>
                  <Copyable text={text} what={title} block />
                </div>
              ))}
            </div>
          </Panel>
          <FirstRequest />
        </div>
      </div>
    </Page>
  );
}

/** A key for this client alone, so that it can be ended alone. */
function MakeKey({ client, made }: { client: string; made: (secret: string) => void }) {
  const make = useChange("post", "/api/v1/keys");
  const { name } = useWho();
  const who = name.replace(/@.*/, "").replace(/[^a-zA-Z0-9._-]/g, "-");
  const called = useRef(`${who}-${client}-${Math.random().toString(36).slice(2, 6)}`);
  return (
    <div>
      <Button variant="default" size="sm" loading={make.isPending} onClick={() => make.mutate({ body: { name: called.current, expires_in: "90d" } }, { onSuccess: ({ secret }) => made(secret) })}>
        Make one for this client
      </Button>
      {make.error && <Failed error={make.error} what="The key was not made" />}
    </div>
  );
}

/** Turns green with the first request from the moment on that somebody waits for it. */
function FirstRequest() {
  const { may, name } = useWho();
  const [since, setSince] = useState<string | null>(null);
  const all = may("logs:read");
  const logs = useApi("/api/v1/logs", { query: { since: since ?? "", limit: 1, user: all ? undefined : name } }, { enabled: since !== null, every: 2_000 });
  // What was answered before somebody waited is not what they wait for.
  const first = since === null ? undefined : logs.data?.items.find((log) => log.at >= since);
  const good = first !== undefined && first.status < 400;
  return (
    <div role="status" aria-label="First request">
      <Alert
        color={first ? (good ? "teal" : "red") : "gray"}
        variant="light"
        icon={first && good ? <IconCircleCheck size={18} /> : since ? <IconLoader size={18} /> : <IconPlugConnected size={18} />}
        title={first ? (good ? "It works" : "It arrived, and was refused") : since ? "Waiting for your first request…" : "Does it work?"}
      >
        {first ? (
          <Group gap="sm">
            <Outcome status={first.status} code={first.code} />
            <Text size="sm">
              {first.request_model ?? "a request"}, <Amount of={first.amount_usd} unknown="nothing charged" />
            </Text>
            <Link to="/requests" search={{ open: first.request_id, range: "today" } as never} className="tw-link">
              Everything of it
            </Link>
            <Button variant="default" size="compact-xs" onClick={() => setSince(iso(Date.now()))}>
              Wait for another
            </Button>
          </Group>
        ) : since ? (
          <Text size="sm">
            Send one from the client, or by the command of curl. {all ? "The first of anybody counts." : "The first of yours counts."}{" "}
            <button type="button" className="tw-plain tw-link" onClick={() => setSince(null)}>
              Stop waiting
            </button>
          </Text>
        ) : (
          <>
            <Text size="sm" mb="xs">
              Press this, then send one request: it turns green when it arrives, with what it cost or why it was refused.
            </Text>
            <Button size="xs" onClick={() => setSince(iso(Date.now()))}>
              Wait for the first request
            </Button>
          </>
        )}
      </Alert>
    </div>
  );
}
