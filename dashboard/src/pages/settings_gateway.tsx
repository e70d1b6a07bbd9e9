/** One gateway's choices: changed together, shown as a difference, and then put in force. */

import { Button, Code, JsonInput, NativeSelect, NumberInput, Stack, Switch, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { Link } from "@tanstack/react-router";
import { Problem, useChange, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { Panel } from "../pieces/page";
import { Failed } from "../pieces/states";
import { useUnsaved } from "../pieces/unsaved";
import { Difference } from "./settings_difference";
import { FIELDS, merged, OTHER, spread, type Draft, type Field } from "./settings_fields";

type Gateway = Schemas["GatewayWritten"];
type Changed = Schemas["GatewayChanged"];

interface Props {
  gateway: Gateway;
  fields: readonly string[];
  revision: number;
}

export function GatewayForm({ gateway, fields, revision }: Props) {
  const { may } = useWho();
  const writes = may("settings:write");
  const was = spread(gateway.written ?? {});
  const [draft, setDraft] = useState<Draft>(was);
  const [others, setOthers] = useState(() => JSON.stringify(OTHER(gateway.written ?? {}), null, 2));
  const [preview, setPreview] = useState<Changed | null>(null);
  const change = useChange("patch", "/api/v1/gateways/{slug}");
  const patch = patchOf(gateway.written ?? {}, was, draft, others);
  const wrong = change.error instanceof Problem ? change.error.message : "";
  const set = (path: string, value: Draft[string]) => {
    setPreview(null);
    change.reset();
    setDraft({ ...draft, [path]: value });
  };
  // Awaited: what is read anew behind it makes another form of this one, which would not be told.
  const send = async (dry: boolean) => {
    const asked = { path: { slug: gateway.slug }, query: dry ? { dry_run: true } : {}, body: patch ?? {}, revision };
    const done = await change.mutateAsync(asked).catch(() => null);
    if (done === null || dry) return setPreview(done);
    saved();
    setPreview(null);
    notifications.show({ message: `${gateway.slug} is changed, from the next request on`, color: "teal" });
  };
  const known = FIELDS.filter((section) => section.fields.some(({ path }) => fields.includes(path.split(".")[0] ?? "")));
  const placed = known.some((section) => section.fields.some((field) => isAt(wrong, field.path)));
  const number = patch === null ? 0 : Object.keys(patch).length;
  const { question, saved } = useUnsaved(patch === null || number > 0);
  return (
    <div className="tw-stack">
      {question}
      {known.map((section) => (
        <Panel key={section.title} title={section.title} hint={section.hint}>
          {section.fields.map((field) => (
            <OneField
              key={field.path}
              field={field}
              value={draft[field.path]}
              changed={draft[field.path] !== was[field.path]}
              wrong={isAt(wrong, field.path) ? wrong : undefined}
              disabled={!writes}
              set={(value) => set(field.path, value)}
            />
          ))}
        </Panel>
      ))}
      <Panel title="Other fields" hint="auto, spend_limits and Cloudflare's names, as JSON">
        <JsonInput
          aria-label="Other fields"
          value={others}
          onChange={(text) => {
            setPreview(null);
            change.reset();
            setOthers(text);
          }}
          autosize
          minRows={2}
          maxRows={16}
          disabled={!writes}
          error={patch === null ? "This is no JSON object." : undefined}
          className="tw-editor"
        />
        <Text size="xs" c="dimmed" mt="xs">
          What a budget does while the store cannot be written is a choice of <Link to="/budgets" className="tw-link">each budget</Link>; what models cost is on{" "}
          <Link to="/prices" className="tw-link">Prices</Link>.
        </Text>
      </Panel>
      {change.error && !placed && <Failed error={change.error} what="The gateway was not changed" />}
      {writes && (
        <section className="tw-changes" aria-label="Changes">
          <Text size="sm" c={number ? undefined : "dimmed"}>
            {patch === null ? "Other fields are no JSON object" : number ? `${number} ${number === 1 ? "field" : "fields"} changed: ${Object.keys(patch).join(", ")}` : "Nothing is changed"}
            {placed && (
              <Text span inherit c="var(--tw-over)">
                {" "}
                · a field is wrong, see above
              </Text>
            )}
          </Text>
          <div>
            {number > 0 && (
              <Button
                variant="default"
                mr="xs"
                onClick={() => {
                  setDraft(was);
                  setOthers(JSON.stringify(OTHER(gateway.written ?? {}), null, 2));
                  setPreview(null);
                  change.reset();
                }}
              >
                Discard
              </Button>
            )}
            {preview ? (
              <Button loading={change.isPending} disabled={!preview.changed} onClick={() => void send(false)}>
                Put in force
              </Button>
            ) : (
              <Button disabled={!number} loading={change.isPending} onClick={() => void send(true)}>
                Show the difference
              </Button>
            )}
          </div>
          {preview && (
            <Stack w="100%" gap="xs">
              {preview.changed ? <Difference before={preview.before} after={preview.after} /> : <Text size="sm">The settings say so already.</Text>}
              {preview.warnings.map((warning) => (
                <Text key={warning} size="sm">
                  {warning}
                </Text>
              ))}
            </Stack>
          )}
        </section>
      )}
      {!writes && (
        <Text size="sm" c="dimmed">
          Changing them needs the role admin.
        </Text>
      )}
    </div>
  );
}

/** Whether a refusal speaks of a field: "gateways.default.retry.max_attempts: 9 is not from 1 to 5." */
export function isAt(message: string, path: string): boolean {
  return message !== "" && new RegExp(`(^|[.\`\\s])${path.replaceAll(".", "\\.")}(?![\\w.])`).test(message);
}

/** The fields that differ, as the API takes them; null where what is typed as JSON is none. */
function patchOf(written: Record<string, unknown>, was: Draft, draft: Draft, others: string): Record<string, unknown> | null {
  let typed: unknown;
  try {
    typed = others.trim() ? JSON.parse(others) : {};
  } catch {
    return null;
  }
  if (typeof typed !== "object" || typed === null || Array.isArray(typed)) return null;
  const wanted = { ...merged(written, was, draft), ...(typed as Record<string, unknown>) };
  const found: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(written), ...Object.keys(wanted)]))
    if (name !== "slug" && JSON.stringify(written[name]) !== JSON.stringify(wanted[name])) found[name] = wanted[name] ?? null;
  return found;
}

interface OneProps {
  field: Field;
  value: Draft[string];
  changed: boolean;
  wrong?: string;
  disabled: boolean;
  set: (value: Draft[string]) => void;
}

function OneField({ field, value, changed, wrong, disabled, set }: OneProps) {
  const id = `field-${field.path}`;
  return (
    <div className="tw-field">
      <div>
        <label htmlFor={id} data-changed={changed || undefined}>
          {field.label}
        </label>
        <p id={`${id}-help`}>
          {field.help} <Code fz={11}>{field.path}</Code>
        </p>
      </div>
      {field.kind === "switch" ? (
        <Switch id={id} aria-describedby={`${id}-help`} checked={value === undefined ? field.default === true : value === true} onChange={(event) => set(event.currentTarget.checked === (field.default === true) ? undefined : event.currentTarget.checked)} disabled={disabled} error={wrong} />
      ) : field.kind === "choice" ? (
        <NativeSelect
          id={id}
          aria-describedby={`${id}-help`}
          data={[{ value: "", label: field.unset }, ...field.choices.map(([choice, label]) => ({ value: choice, label }))]}
          value={typeof value === "string" ? value : ""}
          onChange={(event) => set(event.currentTarget.value || undefined)}
          disabled={disabled}
          error={wrong}
        />
      ) : (
        <NumberInput
          id={id}
          aria-describedby={`${id}-help`}
          value={typeof value === "number" ? value : ""}
          onChange={(typed) => set(typeof typed === "number" ? typed : undefined)}
          placeholder={field.unset}
          allowDecimal={false}
          thousandSeparator=","
          hideControls
          rightSection={
            <Text size="xs" c="dimmed" pr={10} w="100%" ta="right">
              {typeof value === "number" || /^\d/.test(field.unset) ? field.unit : ""}
            </Text>
          }
          rightSectionWidth={64}
          rightSectionPointerEvents="none"
          disabled={disabled}
          error={wrong}
        />
      )}
    </div>
  );
}
