/** Does it work, and what does it cost? */

import { Alert, Autocomplete, Button, Group, NativeSelect, NumberInput, PasswordInput, Stack, Switch, Text, Textarea } from "@mantine/core";
import { IconBan, IconPlayerPlay, IconPlayerStop } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useRef, useState, type FormEvent } from "react";
import { ask, useApi, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { nanodollars, sum } from "../money";
import { Amount } from "../pieces/amount";
import { Chip } from "../pieces/chip";
import { Page, Panel } from "../pieces/page";
import { Empty, Failed } from "../pieces/states";
import { useAddress } from "../shell/address";
import { duration } from "../time";
import { call, models as modelsOf, type Refused, type Told } from "./playground_call";
import { Charge, Holds } from "./request_money";
import "./playground.css";
import "./requests.css";

type Log = Schemas["LogDetail"];

interface Trial {
  state: "waiting" | "streaming" | "done" | "stopped";
  text: string;
  told: Told | null;
  refused: Refused | null;
  /** Milliseconds, as this browser saw them. */
  began: number;
  first: number | null;
  ended: number | null;
  failed: string | null;
}

const TRIES = 25;
const NO_TEXT = "Say in one sentence what a budget is for.";

export function Playground() {
  const { may, session } = useWho();
  const [address, go] = useAddress();
  const status = useApi("/api/v1/status", {}, { enabled: may("status:read") });
  const gateways = status.data?.gateways.map(({ slug }) => slug) ?? ["default"];
  const gateway = address.gateway ?? "default";
  const [key, setKey] = useState("");
  const [prompt, setPrompt] = useState(NO_TEXT);
  const [system, setSystem] = useState("");
  const [most, setMost] = useState<number | string>(300);
  const [warmth, setWarmth] = useState<number | string>("");
  const [stream, setStream] = useState(true);
  const [trial, setTrial] = useState<Trial | null>(null);
  const stop = useRef<AbortController | null>(null);
  const client = useQueryClient();
  // Who is known to the gateway by no name of their own has to bring a key, and is told till then which models others use.
  const nobody = session.user === null;
  const asks = !nobody || key.length > 15;
  const usable = useQuery({
    queryKey: ["playground", gateway, key.length > 15 ? key : ""],
    queryFn: () => modelsOf(gateway, key.length > 15 ? key : ""),
    enabled: asks,
    retry: false,
    staleTime: 60_000,
  });
  const used = useApi("/api/v1/analytics", { query: { by: "provider,model", metrics: "cost", limit: 60 } }, { enabled: !asks && may("analytics:read") });
  const others = used.data?.groups.flatMap(({ group: { provider, model } }) => (provider && model ? [`${provider}/${model}`] : []));
  const needsKey = !key && (nobody || (usable.error !== null && (usable.error as Error & { status?: number }).status === 403));
  const offered = (asks ? usable.data : others) ?? [];
  const model = address.model ?? offered.find((name) => name.endsWith("/gpt-4o-mini")) ?? offered[0] ?? "";
  const busy = trial?.state === "waiting" || trial?.state === "streaming";

  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || !model || !prompt.trim()) return;
    const abort = (stop.current = new AbortController());
    const began = performance.now();
    let now: Trial = { state: "waiting", text: "", told: null, refused: null, began, first: null, ended: null, failed: null };
    const set = (change: Partial<Trial>) => {
      now = { ...now, ...change };
      setTrial(now);
    };
    set({});
    const messages = [...(system.trim() ? [{ role: "system", content: system }] : []), { role: "user", content: prompt }];
    const body = {
      model,
      messages,
      ...(typeof most === "number" ? { max_tokens: most } : {}),
      ...(typeof warmth === "number" ? { temperature: warmth } : {}),
      ...(stream ? { stream: true } : {}),
    };
    try {
      const refused = await call(
        { gateway, key, body, signal: abort.signal },
        {
          head: (told) => set({ told, state: "streaming" }),
          text: (piece) => set({ text: now.text + piece, first: now.first ?? performance.now() - began }),
        },
      );
      set({ refused, state: "done", ended: performance.now() - began });
    } catch (error) {
      if (abort.signal.aborted) set({ state: "stopped", ended: performance.now() - began });
      else set({ state: "done", ended: performance.now() - began, failed: error instanceof Error ? error.message : String(error) });
    }
    void client.invalidateQueries({ queryKey: ["/api/v1/people/{user}/layers"] });
  };

  return (
    <Page title="Playground" question="Does it work, what does it cost, and why is it refused?">
      <div className="tw-two tw-playground">
        <Panel
          title="Request"
          hint={key ? "with the key below" : needsKey ? undefined : `as ${session.name ?? "you"}`}
        >
          <form onSubmit={(event) => void send(event)}>
            <Stack gap="sm">
              {(needsKey || key) && (
                <PasswordInput
                  label="Gateway key"
                  description={
                    <>
                      You are known here by no name that spends, so the gateway has to be told who asks. It stays in this tab, and is forgotten with it.{" "}
                      {may("own:keys") && (
                        <Link to="/keys" search={{ open: "new" } as never} className="tw-link">
                          Make one
                        </Link>
                      )}
                    </>
                  }
                  value={key}
                  onChange={(event) => setKey(event.currentTarget.value.trim())}
                  autoComplete="off"
                />
              )}
              <div className="tw-playground-row">
                {gateways.length > 1 && <NativeSelect label="Gateway" data={gateways} value={gateway} onChange={(event) => go({ gateway: event.currentTarget.value })} />}
                <Autocomplete
                  label="Model"
                  data={offered}
                  limit={60}
                  value={model}
                  onChange={(name) => go({ model: name || undefined }, true)}
                  placeholder={usable.isLoading ? "asking which you may use" : "provider/model"}
                  error={usable.error && !needsKey ? usable.error.message : undefined}
                />
              </div>
              <Textarea label="System" description="Optional" value={system} onChange={(event) => setSystem(event.currentTarget.value)} autosize minRows={1} maxRows={6} />
              <Textarea
                label="Prompt"
                value={prompt}
                onChange={(event) => setPrompt(event.currentTarget.value)}
                autosize
                minRows={5}
                maxRows={16}
                required
                onKeyDown={(event) => {
                  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.form?.requestSubmit();
                }}
              />
              <div className="tw-playground-row">
                <NumberInput label="Output, at most" description="tokens" min={1} max={1_000_000} value={most} onChange={setMost} allowDecimal={false} />
                <NumberInput label="Temperature" description="as the model has it, if empty" min={0} max={2} step={0.1} value={warmth} onChange={setWarmth} />
              </div>
              <Group justify="space-between">
                <Switch label="Streamed" checked={stream} onChange={(event) => setStream(event.currentTarget.checked)} />
                {busy ? (
                  <Button color="red" variant="light" leftSection={<IconPlayerStop size={15} />} onClick={() => stop.current?.abort()}>
                    Stop
                  </Button>
                ) : (
                  <Button type="submit" leftSection={<IconPlayerPlay size={15} />} disabled={!model || !prompt.trim() || needsKey}>
                    Send
                  </Button>
                )}
              </Group>
            </Stack>
          </form>
        </Panel>
        <div className="tw-stack" aria-live="polite">
          {trial ? (
            <Outcome trial={trial} model={model} />
          ) : (
            <Panel title="Answer">
              <Empty title="Nothing is sent yet">
                Here come the answer as it is streamed, what was held for it, what it cost by each price, and what is left, or why it was refused.
                {!key && !needsKey && " The browser has no key for this: what opens the gateway is made for one request and ends with it."}
              </Empty>
            </Panel>
          )}
        </div>
      </div>
    </Page>
  );
}

function Outcome({ trial, model }: { trial: Trial; model: string }) {
  const over = trial.state === "done" || trial.state === "stopped";
  const id = trial.told?.requestId ?? null;
  const [word, tone] = trial.failed
    ? (["not reached", "over"] as const)
    : trial.refused
      ? ([trial.refused.code, "over"] as const)
      : trial.state === "stopped"
        ? (["stopped", "near"] as const)
        : trial.state === "done"
          ? (["answered", "good"] as const)
          : ([trial.state === "waiting" ? "held and sent" : "streaming", "dim"] as const);
  return (
    <>
      <Panel title="Answer" hint={model} actions={<Chip tone={tone}>{word}</Chip>}>
        {trial.refused ? (
          <Alert color="red" variant="outline" icon={<IconBan size={18} />} title="Refused">
            {trial.refused.message}
          </Alert>
        ) : trial.failed ? (
          <Failed error={new Error(trial.failed)} what="The gateway was not reached" />
        ) : (
          <div className="tw-answer" data-busy={!over || undefined}>
            {trial.text || (over ? <Text c="dimmed">No text came.</Text> : " ")}
          </div>
        )}
        <Text size="xs" c="dimmed" mt="sm">
          {[
            trial.told && `status ${trial.told.status}`,
            trial.first !== null && `first words after ${duration(Math.round(trial.first * 1000))}`,
            trial.ended !== null && `${duration(Math.round(trial.ended * 1000))} in all, as this browser saw it`,
          ]
            .filter(Boolean)
            .join(" · ")}
        </Text>
      </Panel>
      {over && id && <Settled id={id} />}
      {trial.told && trial.told.headers.length > 0 && (
        <Panel title="What the answer's headers say">
          <dl className="tw-facts">
            {trial.told.headers.map(([name, value]) => (
              <div key={name} className="tw-fact">
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </Panel>
      )}
    </>
  );
}

/** What was held, charged and left, as the ledger has it; its record comes a moment after the answer. */
function Settled({ id }: { id: string }) {
  const log = useQuery({
    queryKey: ["playground", "settled", id],
    queryFn: () => ask("get", "/api/v1/logs/{request_id}", { path: { request_id: id } }),
    retry: (times) => times < TRIES,
    retryDelay: 400,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <Panel
      title="Settlement"
      actions={
        <Link to="/requests" search={{ open: id, range: "today" } as never} className="tw-link tw-small">
          Everything of this request
        </Link>
      }
    >
      {log.error ? (
        <Failed error={log.error} what="What it cost cannot be shown here" again={() => void log.refetch()} />
      ) : !log.data ? (
        <Text size="sm" c="dimmed">
          Waiting for the ledger…
        </Text>
      ) : (
        <Stack gap="sm">
          <Steps log={log.data} />
          <Charge log={log.data} />
          <Holds log={log.data} />
        </Stack>
      )}
    </Panel>
  );
}

function Steps({ log }: { log: Log }) {
  const most = log.holds.reduce<bigint | null>((dearest, hold) => {
    const held = hold.last_usd === null ? null : nanodollars(hold.last_usd);
    return held !== null && (dearest === null || held > dearest) ? held : dearest;
  }, null);
  const charged = log.attempts.length === 0 ? null : log.amount_usd === null ? null : sum([nanodollars(log.amount_usd)]);
  const served = log.provider && (log.response_model ?? log.request_model) ? `${log.provider}/${log.response_model ?? log.request_model}` : null;
  return (
    <dl className="tw-steps">
      <div>
        <dt>Held before the call</dt>
        <dd>
          <Amount of={most} unknown="nothing" />
        </dd>
      </div>
      <div>
        <dt>Charged</dt>
        <dd>
          <Amount of={charged} unknown={log.attempts.length === 0 ? "nothing" : "unknown"} />
        </dd>
      </div>
      <div>
        <dt>Answered by</dt>
        <dd>{log.attempts.length === 0 ? "nobody" : (served ?? "not known")}</dd>
      </div>
    </dl>
  );
}
