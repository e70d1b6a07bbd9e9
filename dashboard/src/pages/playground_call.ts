/** A call of the gateway by this page, as whoever is signed in or with a key of theirs, and what comes of it. */

import { unforged } from "../api/client";

export interface Asked {
  gateway: string;
  /** Kept in this tab alone; empty: as whoever is signed in, and no key is in the browser at all. */
  key: string;
  body: Record<string, unknown>;
  signal: AbortSignal;
}

export interface Told {
  status: number;
  /** What the gateway says in headers of its own. */
  headers: readonly (readonly [name: string, value: string])[];
  requestId: string | null;
}

/** A refusal of the gateway, in the words of the API that was asked. */
export interface Refused {
  code: string;
  message: string;
}

export interface Heard {
  head: (told: Told) => void;
  text: (piece: string) => void;
}

/** Sends it, and passes on what is heard; a refusal is returned, null where the answer is whole. */
export async function call(asked: Asked, heard: Heard): Promise<Refused | null> {
  const answer = await fetch(asked.key ? "/v1/chat/completions" : `/api/v1/playground/${encodeURIComponent(asked.gateway)}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...proof(asked.gateway, asked.key) },
    body: JSON.stringify(asked.body),
    signal: asked.signal,
    credentials: asked.key ? "omit" : "same-origin",
  });
  const headers = [...answer.headers].filter(([name]) => name.startsWith("tollway-") || name.startsWith("ratelimit") || name === "retry-after");
  heard.head({ status: answer.status, headers, requestId: answer.headers.get("tollway-request-id") });
  if (!answer.ok) return refusalOf(answer.status, await answer.text(), answer.headers.get("tollway-error"));
  if (!(answer.headers.get("content-type") ?? "").startsWith("text/event-stream")) {
    heard.text(wholeText(await answer.text()));
    return null;
  }
  return answer.body ? await streamed(answer.body, heard.text) : null;
}

/** The models that may be called there. */
export async function models(gateway: string, key: string): Promise<string[]> {
  const answer = await fetch(key ? "/v1/models" : `/api/v1/playground/${encodeURIComponent(gateway)}/models`, {
    headers: proof(gateway, key),
    credentials: key ? "omit" : "same-origin",
  });
  const text = await answer.text();
  if (!answer.ok) throw Object.assign(new Error(refusalOf(answer.status, text, null).message), { status: answer.status });
  return (JSON.parse(text) as { data: { id: string }[] }).data.map(({ id }) => id);
}

function proof(gateway: string, key: string): Record<string, string> {
  return key ? { "tollway-authorization": `Bearer ${key}`, "tollway-gateway-id": gateway } : unforged();
}

interface Chunk {
  choices?: { delta?: { content?: string | null; reasoning_content?: string | null }; message?: { content?: string | null } }[];
  error?: { message?: string; code?: string };
  detail?: string;
  code?: string;
}

async function streamed(body: ReadableStream<Uint8Array>, text: (piece: string) => void): Promise<Refused | null> {
  const reader = body.pipeThrough(new TextDecoderStream() as never).getReader() as ReadableStreamDefaultReader<string>;
  let left = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return null;
    const lines = (left + value).split(/\r?\n/);
    left = lines.pop() ?? "";
    for (const line of lines) {
      const told = chunkOf(line);
      if (told?.error) return { code: told.error.code ?? "stream_ended", message: told.error.message ?? "The stream ended early." };
      const piece = told?.choices?.[0]?.delta?.content;
      if (piece) text(piece);
    }
  }
}

function chunkOf(line: string): Chunk | null {
  if (!line.startsWith("data:") || line.endsWith("[DONE]")) return null;
  try {
    return JSON.parse(line.slice(5)) as Chunk;
  } catch {
    return null;
  }
}

function wholeText(text: string): string {
  try {
    return (JSON.parse(text) as Chunk).choices?.[0]?.message?.content ?? "";
  } catch {
    return text;
  }
}

function refusalOf(status: number, text: string, code: string | null): Refused {
  try {
    const told = JSON.parse(text) as Chunk;
    return { code: code ?? told.code ?? told.error?.code ?? String(status), message: told.error?.message ?? told.detail ?? `The gateway answered ${status}.` };
  } catch {
    return { code: code ?? String(status), message: `The gateway answered ${status}.` };
  }
}
