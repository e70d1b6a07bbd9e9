/** All settings as they are written, for what has no page of its own: checked, shown as a difference, and then put in force. */

import { Button, Group, Text, Textarea } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useApi, useChange, type Schemas } from "../api/client";
import { Panel } from "../pieces/page";
import { Failed, Loading } from "../pieces/states";
import { useUnsaved } from "../pieces/unsaved";
import { compared, Difference } from "./settings_difference";

type Changed = Schemas["DocumentChanged"];

export function Document() {
  const document = useApi("/api/v1/settings/document");
  if (document.error) return <Failed error={document.error} what="The settings cannot be shown" again={() => void document.refetch()} />;
  if (!document.data) return <Loading rows={12} />;
  return <Editor key={document.data.revision} text={document.data.text} revision={document.data.revision} />;
}

function Editor({ text, revision }: { text: string; revision: number }) {
  const [draft, setDraft] = useState(text);
  const [preview, setPreview] = useState<Changed | null>(null);
  const change = useChange("put", "/api/v1/settings/document");
  // Awaited: what is read anew behind it makes another editor of this one, which would not be told.
  const send = async (dry: boolean) => {
    const done = await change.mutateAsync({ query: dry ? { dry_run: true } : {}, body: { text: draft }, revision }).catch(() => null);
    if (done === null || dry) return setPreview(done);
    saved();
    setPreview(null);
    notifications.show({ message: `Revision ${done.revision} of the settings is in force`, color: "teal" });
  };
  const edited = draft !== text;
  const { question, saved } = useUnsaved(edited);
  const line = lineOf(change.error?.message);
  return (
    <div className="tw-stack">
      {question}
      <Panel
        title="tollway.yaml"
        hint={`revision ${revision}; secrets that are written here are hidden, and stay what they are`}
        actions={
          <Group gap="xs">
            {edited && (
              <Button
                variant="default"
                onClick={() => {
                  setDraft(text);
                  setPreview(null);
                  change.reset();
                }}
              >
                Discard
              </Button>
            )}
            <Button disabled={!edited || preview !== null} loading={change.isPending && !preview} onClick={() => void send(true)}>
              Check and compare
            </Button>
          </Group>
        }
      >
        <Textarea
          aria-label="Settings"
          className="tw-editor"
          autosize
          minRows={18}
          maxRows={32}
          spellCheck={false}
          value={draft}
          onChange={(event) => {
            setPreview(null);
            change.reset();
            setDraft(event.currentTarget.value);
          }}
        />
      </Panel>
      {change.error && <Failed error={change.error} what={line === null ? "The settings cannot be used as they are" : `The settings cannot be used as they are, at line ${line}`} />}
      {preview && (
        <Panel
          title="What would change"
          hint={`${preview.differences.length} ${preview.differences.length === 1 ? "thing" : "things"}`}
          actions={
            <Button loading={change.isPending} disabled={!preview.changed} onClick={() => void send(false)}>
              Put in force
            </Button>
          }
        >
          {preview.differences.length === 0 ? (
            <Text size="sm" c="dimmed" mb="sm">
              {preview.changed ? "Only how it is written: comments, order, spelling." : "Nothing: the settings say so already."}
            </Text>
          ) : (
            <ul className="tw-list">
              {preview.differences.map((one) => (
                <li key={`${one.action} ${one.target}`}>
                  <Text span inherit fw={600}>
                    {one.target}
                  </Text>{" "}
                  <Text span inherit c="dimmed">
                    {one.action.replace(".", " ")}
                  </Text>
                </li>
              ))}
            </ul>
          )}
          <Difference before={near(text, draft, "gone")} after={near(text, draft, "come")} />
          {preview.warnings.map((warning) => (
            <Text key={warning} size="sm" mt="xs">
              {warning}
            </Text>
          ))}
        </Panel>
      )}
    </div>
  );
}

/** The lines that differ on one side, with three around each. */
function near(before: string, after: string, side: "gone" | "come"): string {
  const all = compared(before.split("\n"), after.split("\n"));
  const kept = new Set(all.flatMap(([where], number) => (where === "same" ? [] : [-3, -2, -1, 0, 1, 2, 3].map((by) => number + by))));
  return all.flatMap(([where, line], number) => (kept.has(number) && (where === side || where === "same") ? [line] : [])).join("\n");
}

/** Where a YAML parser found something wrong: "line 12, column 3". */
function lineOf(message: string | undefined): number | null {
  const found = /line (\d+)/.exec(message ?? "");
  return found ? Number(found[1]) : null;
}
