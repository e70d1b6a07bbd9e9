/** What was asked and what was answered, where a gateway keeps it; and what people thought of the answer. */

import { ActionIcon, Button, Code, Group, NumberInput, Text, Tooltip } from "@mantine/core";
import { IconThumbDown, IconThumbUp } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask, useChange, type Schemas } from "../api/client";
import { CopyIcon } from "../pieces/copyable";
import { Failed, Loading } from "../pieces/states";

type Detail = Schemas["LogDetail"];

type Part = "asked" | "sent" | "returned";

/** What is told of a kept body without reading it. */
interface About {
  part: Part;
  size: number;
  kept: number;
  truncated: boolean;
}

interface Kept extends About {
  content_type: string;
  encoding: "utf-8" | "base64";
  content: string;
}

/** What a gateway kept of a request; nothing where it keeps no bodies. */
export function keptOf(log: Detail): readonly About[] {
  return log.bodies.filter((about) => about.kept > 0);
}

/** Reads a body, which the audit log then tells of. */
export async function read(id: string, part: Part): Promise<Kept | null> {
  const path = `/api/v1/logs/{request_id}/${part === "returned" ? "response" : "request"}` as never;
  const found = (await ask("get", path, { path: { request_id: id } })) as Partial<Record<Part, Kept | null>>;
  return found[part] ?? null;
}

const WORDS: Record<Part, string> = { asked: "Asked", sent: "Sent to the provider", returned: "Answered" };

export function Bodies({ log }: { log: Detail }) {
  const kept = keptOf(log);
  const [part, setPart] = useState<Part | null>(null);
  const found = useQuery({
    queryKey: ["body", log.request_id, part],
    queryFn: () => (part ? read(log.request_id, part) : null),
    enabled: part !== null,
    staleTime: Infinity,
    retry: false,
  });
  if (kept.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {bytes(log.request_bytes)} asked, {bytes(log.response_bytes)} answered; neither was kept. A gateway keeps bodies where its settings say{" "}
        <span className="tw-inline-code">logs: {"{payload: true}"}</span>, and then of later requests.
      </Text>
    );
  const text = found.data ? pretty(found.data) : "";
  return (
    <>
      <Group gap="xs" mb={6}>
        {kept.map((about) => (
          <Button key={about.part} variant={part === about.part ? "light" : "default"} aria-pressed={part === about.part} onClick={() => setPart(about.part)}>
            {WORDS[about.part]} · {bytes(about.size)}
            {about.truncated ? ", cut" : ""}
          </Button>
        ))}
        {text && <CopyIcon text={text} what="the body" />}
      </Group>
      {part === null ? (
        <Text size="xs" c="dimmed">
          Whoever reads a body is named in the audit log. Credentials in it are painted over.
        </Text>
      ) : found.error ? (
        <Failed error={found.error} what="The body cannot be shown" />
      ) : found.isPending ? (
        <Loading rows={1} height={120} />
      ) : (
        <Code block tabIndex={0} className="tw-code tw-body">
          {text}
        </Code>
      )}
    </>
  );
}

function pretty({ content, content_type }: Kept): string {
  if (!content_type.includes("json")) return content;
  try {
    return JSON.stringify(JSON.parse(content), null, 2);
  } catch {
    return content;
  }
}

export function bytes(size: number): string {
  return size < 1024 ? `${size} B` : size < 1024 * 1024 ? `${(size / 1024).toFixed(1)} KiB` : `${(size / 1024 / 1024).toFixed(1)} MiB`;
}

type Opinion = { feedback?: -1 | 1 | null; score?: number | null };

/** Up or down, and a number of one's own. */
export function Feedback({ log }: { log: Detail }) {
  const change = useChange("patch", "/api/v1/logs/{request_id}");
  const [score, setScore] = useState<number | string>(log.score ?? "");
  const give = (opinion: Opinion) => change.mutate({ path: { request_id: log.request_id }, body: opinion });
  return (
    <section aria-label="Feedback">
      <Group gap="xs">
        <Text size="sm" c="dimmed">
          Was the answer good?
        </Text>
        {([1, -1] as const).map((value) => (
          <Tooltip key={value} label={value === 1 ? "Good" : "Bad"}>
            <ActionIcon
              variant={log.feedback === value ? "filled" : "default"}
              aria-label={value === 1 ? "Good answer" : "Bad answer"}
              aria-pressed={log.feedback === value}
              onClick={() => give({ feedback: log.feedback === value ? null : value })}
            >
              {value === 1 ? <IconThumbUp size={16} /> : <IconThumbDown size={16} />}
            </ActionIcon>
          </Tooltip>
        ))}
        <NumberInput size="xs" w={110} aria-label="Score" placeholder="Score" value={score} onChange={setScore} hideControls />
        <Button
          variant="default"
          disabled={String(score) === String(log.score ?? "")}
          loading={change.isPending}
          onClick={() => give({ score: score === "" ? null : Number(score) })}
        >
          Keep the score
        </Button>
      </Group>
      {change.error && <Failed error={change.error} what="It was not kept" />}
    </section>
  );
}
