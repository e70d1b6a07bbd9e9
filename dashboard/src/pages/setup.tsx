/** How do I connect? */

import { Alert, NavLink, Text, TextInput } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "@tanstack/react-router";
import { useWho } from "../api/session";
import { Copyable } from "../pieces/copyable";
import { Page, Panel } from "../pieces/page";
import { useAddress } from "../shell/address";

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
  const { may } = useWho();
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
            <TextInput
              label="Gateway key"
              description={
                <>
                  Filled into the snippets in this tab, and sent nowhere.{" "}
                  {may("own:keys") && (
                    <>
                      No key yet? <Link to="/keys" className="tw-link">Make one</Link>.
                    </>
                  )}
                </>
              }
              placeholder={HOLE}
              value={key}
              onChange={(event) => setKey(event.currentTarget.value.trim())}
              autoComplete="off"
              spellCheck={false}
              maw={520}
            />
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
          <Alert color="gray" variant="light" icon={<IconInfoCircle size={17} />} title="Does it work?">
            Send one request, and it is on the page{" "}
            <Link to="/requests" search={{ live: "1", range: "today" } as never} className="tw-link">
              Requests
            </Link>{" "}
            within a moment, with what it cost or why it was refused.
          </Alert>
        </div>
      </div>
    </Page>
  );
}
