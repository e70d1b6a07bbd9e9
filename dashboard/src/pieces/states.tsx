/** What a page shows while it waits, when there is nothing, and when something failed: each says what to do next. */

import { Alert, Anchor, Button, Code, Group, Skeleton, Stack, Text, ThemeIcon } from "@mantine/core";
import { IconAlertTriangle, IconInbox, IconLock } from "@tabler/icons-react";
import { Component, lazy, Suspense, type ReactNode } from "react";
import { Problem } from "../api/client";

const Copyable = lazy(() => import("./copyable").then(({ Copyable }) => ({ default: Copyable })));

export function Loading({ rows = 5, height = 34 }: { rows?: number; height?: number }) {
  return (
    <Stack gap="xs" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} height={height} radius="sm" animate={false} />
      ))}
    </Stack>
  );
}

interface FailedProps {
  error: unknown;
  /** What did not work, as the beginning of a sentence: "Budgets cannot be shown". */
  what: string;
  again?: () => void;
}

export function Failed({ error, what, again }: FailedProps) {
  const problem = error instanceof Problem ? error : null;
  if (problem?.status === 401)
    return (
      <Alert color="gray" icon={<IconLock size={18} />} title="Your session has ended">
        <Anchor href={signInAddress()} inherit>
          Sign in again
        </Anchor>{" "}
        to come back to this page.
      </Alert>
    );
  return (
    <Alert color="red" variant="outline" icon={<IconAlertTriangle size={18} />} title={`${what}.`} role="alert">
      <Text size="sm">{error instanceof Error ? error.message : String(error)}</Text>
      <Group mt="xs" gap="sm">
        {again && problem?.status !== 403 && (
          <Button size="compact-xs" variant="default" onClick={again}>
            Try again
          </Button>
        )}
        {problem && problem.code !== "unreachable" && (
          <Text size="xs" c="dimmed">
            {problem.status} <Code>{problem.code}</Code>
          </Text>
        )}
      </Group>
    </Alert>
  );
}

export function signInAddress(): string {
  return `/api/v1/session/sign-in?return_to=${encodeURIComponent(window.location.pathname + window.location.search)}`;
}

interface EmptyProps {
  title: string;
  children?: ReactNode;
  /** A command that makes it show something. */
  command?: string;
}

/** Nothing is there: what would be, and what makes it so. */
export function Empty({ title, children, command }: EmptyProps) {
  return (
    <Stack align="center" gap={6} py="xl" px="md" className="tw-empty">
      <ThemeIcon variant="light" color="gray" size={38} radius="xl" aria-hidden>
        <IconInbox size={20} />
      </ThemeIcon>
      <Text fw={600} ta="center">
        {title}
      </Text>
      {children && (
        <Text size="sm" c="dimmed" maw={520} ta="center" component="div">
          {children}
        </Text>
      )}
      {command && (
        <Suspense fallback={<Code block>{command}</Code>}>
          <Copyable text={command} block />
        </Suspense>
      )}
    </Stack>
  );
}

/** An address has something open that is not there, or is not there any more. */
export function NotThere({ what, close }: { what: string; close: () => void }) {
  return (
    <Alert color="gray" variant="outline" mb="sm" title={`There is no ${what}`} withCloseButton closeButtonLabel="Close" onClose={close} role="status">
      It was taken out, or the address is not right. What there is, is in the list.
    </Alert>
  );
}

/** Keeps a defect of one page from taking down the frame around it. */
export class Boundary extends Component<{ children: ReactNode; at: string }, { error: Error | null; at: string }> {
  override state = { error: null as Error | null, at: this.props.at };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  static getDerivedStateFromProps(props: { at: string }, state: { error: Error | null; at: string }) {
    return props.at === state.at ? null : { error: null, at: props.at };
  }

  override render() {
    if (!this.state.error) return this.props.children;
    return (
      <Failed
        error={this.state.error}
        what="This page has a defect, and the others go on working"
        again={() => this.setState({ error: null })}
      />
    );
  }
}
