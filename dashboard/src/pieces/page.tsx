/** The head of a page, and the boxes on it. */

import { Card, Group, Text, Title } from "@mantine/core";
import { useEffect, type ReactNode } from "react";

interface PageProps {
  title: string;
  /** The question that the page answers. */
  question: string;
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, question, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Tollway`;
  }, [title]);
  return (
    <div className="tw-page">
      <Group justify="space-between" align="end" mb="md" gap="sm">
        <div>
          <Title order={1}>{title}</Title>
          <Text size="sm" c="dimmed">
            {question}
          </Text>
        </div>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </div>
  );
}

interface BoxProps {
  title: ReactNode;
  hint?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  flush?: boolean;
}

export function Panel({ title, hint, actions, children, flush }: BoxProps) {
  return (
    <Card component="section" p={0} className="tw-panel">
      <Group justify="space-between" px="md" py={10} className="tw-panel-head" gap="xs">
        <Group gap="xs" align="baseline">
          <Title order={2}>{title}</Title>
          {hint && (
            <Text size="xs" c="dimmed">
              {hint}
            </Text>
          )}
        </Group>
        {actions}
      </Group>
      <div className={flush ? undefined : "tw-panel-body"}>{children}</div>
    </Card>
  );
}
