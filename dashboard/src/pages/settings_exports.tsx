/** What leaves by itself: when, to where, and how it went. */

import { Button, Group, Modal, Switch, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { Problem, useApi, useChange, type Schemas } from "../api/client";
import { useWho } from "../api/session";
import { Chip } from "../pieces/chip";
import { Dim } from "../pieces/dim";
import { Panel } from "../pieces/page";
import { Empty, Failed, Loading } from "../pieces/states";
import { DataTable, type Column } from "../pieces/table";
import { count, instant, length, minute, relative } from "../time";

type Job = Schemas["ExportJobShown"];
type Run = Schemas["ExportRunShown"];

export function ExportJobs() {
  const { may } = useWho();
  const [shown, setShown] = useState<Job | null>(null);
  const jobs = useApi("/api/v1/export-jobs", {}, { enabled: may("exports:read"), every: 15_000 });
  const run = useChange("post", "/api/v1/export-jobs/{job_id}/run");
  const turn = useChange("patch", "/api/v1/export-jobs/{job_id}");
  const revision = jobs.data?.revision;
  const failed = (problem: Problem) => notifications.show({ message: problem.message, color: "red" });
  const acting: Acting = {
    writes: may("exports:write"),
    running: run.isPending ? run.variables?.path?.job_id : undefined,
    run: (job) =>
      run.mutate({ path: { job_id: job.id } }, { onError: failed, onSuccess: () => notifications.show({ message: `${job.id} runs now`, color: "teal" }) }),
    turn: (job) => turn.mutate({ path: { job_id: job.id }, body: { enabled: !job.enabled }, revision }, { onError: failed }),
    show: setShown,
  };
  if (!may("exports:read") || (jobs.error instanceof Problem && jobs.error.status === 404))
    return (
      <Panel title="Scheduled exports">
        <Empty title="Scheduled exports are not shown to you here">Logs, entries and figures can be taken as files from the pages that show them.</Empty>
      </Panel>
    );
  if (jobs.error) return <Failed error={jobs.error} what="Scheduled exports cannot be shown" again={() => void jobs.refetch()} />;
  return (
    <Panel title="Scheduled exports" flush hint={jobs.data && count(jobs.data.items.length)}>
      {!jobs.data ? (
        <Group p="md">
          <Loading rows={4} />
        </Group>
      ) : jobs.data.items.length === 0 ? (
        <Empty title="Nothing is exported by itself yet" command={'exports:\n  - {id: nightly, what: logs, every: day, at: "02:30", to: {file: "logs"}}'}>
          Write it into the settings: what leaves, how often, and whether to a folder, a bucket of S3 or an address that takes it.
        </Empty>
      ) : (
        <DataTable fixed label="Scheduled exports" rows={jobs.data.items} keyOf={(job) => job.id} columns={columns(acting)} />
      )}
      <Modal opened={!!shown} onClose={() => setShown(null)} size="xl" title={`Runs of ${shown?.id ?? ""}`} closeButtonProps={{ "aria-label": "Close" }}>
        {shown && <Runs job={shown} />}
      </Modal>
    </Panel>
  );
}

interface Acting {
  writes: boolean;
  run: (job: Job) => void;
  running: string | undefined;
  turn: (job: Job) => void;
  show: (job: Job) => void;
}

function columns({ writes, run, running, turn, show }: Acting): readonly Column<Job>[] {
  const now = Date.now();
  return [
    {
      id: "name",
      head: "Export",
      cell: (job) => (
        <>
          <Text size="sm" fw={600}>
            {job.name || job.id}
          </Text>
          <Text size="xs" c="dimmed">
            {job.what}, every {String(job.written.every ?? "so often")}
            {job.sealed ? ", sealed" : ""}
          </Text>
        </>
      ),
    },
    { id: "to", head: "Goes to", cell: (job) => <span className="tw-clip">{job.destination}</span> },
    { id: "how", head: "How it goes", cell: (job) => <Standing job={job} now={now} /> },
    {
      id: "next",
      head: "Next",
      cell: (job) =>
        !job.enabled ? <Dim>paused</Dim> : job.due_at ? <span title={minute(job.due_at)}>{new Date(job.due_at).getTime() <= now ? "now" : relative(job.due_at, now)}</span> : <Dim>not known</Dim>,
    },
    { id: "on", head: "On", cell: (job) => <Switch aria-label={`${job.id} runs by itself`} checked={job.enabled} disabled={!writes} onChange={() => turn(job)} /> },
    {
      id: "act",
      head: <span className="tw-hidden">Actions</span>,
      cell: (job) => (
        <Group gap={6} wrap="nowrap" justify="flex-end">
          <Button variant="default" size="compact-xs" onClick={() => show(job)}>
            Runs
          </Button>
          {writes && (
            <Button variant="default" size="compact-xs" loading={running === job.id} disabled={!job.enabled} onClick={() => run(job)}>
              Run now
            </Button>
          )}
        </Group>
      ),
    },
  ];
}

function Standing({ job, now }: { job: Job; now: number }) {
  const state = job.running ? (
    <Chip tone="dim">running</Chip>
  ) : job.failures > 0 ? (
    <Chip tone="over">
      failed {job.failures} {job.failures === 1 ? "time" : "times"}
    </Chip>
  ) : job.succeeded_at ? (
    <Chip tone="good">done {relative(job.succeeded_at, now)}</Chip>
  ) : (
    <Dim>not yet</Dim>
  );
  const said = [
    job.error && `${job.error}${job.retry_at ? `; again ${relative(job.retry_at, now)}` : ""}`,
    job.rows > 0 && `${count(job.rows)} rows so far`,
    job.behind !== null && job.behind > 0 && `${count(job.behind)} to go`,
    job.gone > 0 && `${count(job.gone)} had left the log before`,
  ].filter(Boolean);
  return (
    <>
      {state}
      {said.length > 0 && (
        <Text size="xs" c="dimmed" maw={420}>
          {said.join(" · ")}
        </Text>
      )}
    </>
  );
}

function Runs({ job }: { job: Job }) {
  const runs = useApi("/api/v1/export-jobs/{job_id}/runs", { path: { job_id: job.id } }, { every: 5_000 });
  if (runs.error) return <Failed error={runs.error} what="Its runs cannot be shown" again={() => void runs.refetch()} />;
  if (!runs.data) return <Loading rows={4} />;
  if (runs.data.items.length === 0) return <Empty title="It did not run yet" />;
  return <DataTable fixed label="Runs" columns={RUNS} rows={runs.data.items} keyOf={(run) => `${run.started_at} ${run.through}`} />;
}

const RUNS: readonly Column<Run>[] = [
  {
    id: "at",
    head: "When",
    cell: (run) => (
      <>
        <span className="tw-number">{instant(run.started_at)}</span>
        <Text size="xs" c="dimmed">
          by {run.by === "schedule" ? "the schedule" : run.by}
          {run.ended_at && `, ${length(new Date(run.ended_at).getTime() - new Date(run.started_at).getTime())}`}
        </Text>
      </>
    ),
  },
  {
    id: "how",
    head: "How",
    cell: (run) => (
      <>
        {run.ended_at === null ? <Chip tone="dim">running</Chip> : <Chip tone={run.ok ? "good" : "over"}>{run.ok ? "done" : "failed"}</Chip>}
        {run.error && (
          <Text size="xs" c="dimmed">
            {run.error}
          </Text>
        )}
      </>
    ),
  },
  { id: "rows", head: "Rows", number: true, cell: (run) => count(run.rows) },
  { id: "files", head: "Files", number: true, cell: (run) => count(run.objects) },
  { id: "bytes", head: "Bytes", number: true, cell: (run) => count(run.bytes_sent) },
];
