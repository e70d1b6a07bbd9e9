import { ActionIcon, Code, CopyButton, Group, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";

interface Props {
  text: string;
  /** What is copied, for those who hear it: "the key". */
  what?: string;
  block?: boolean;
}

/** Text with a button that copies it. */
export function Copyable({ text, what = "this", block = false }: Props) {
  return (
    <Group gap={4} wrap="nowrap" align={block ? "start" : "center"} className={block ? "tw-snippet" : undefined}>
      <Code block={block} tabIndex={block ? 0 : undefined} className={block ? "tw-code" : "tw-inline-code"}>
        {text}
      </Code>
      <CopyIcon text={text} what={what} />
    </Group>
  );
}

export function CopyIcon({ text, what = "this" }: { text: string; what?: string }) {
  return (
    <CopyButton value={text} timeout={1500}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? "Copied" : "Copy"}>
          <ActionIcon size="sm" variant="subtle" color="gray" onClick={copy} aria-label={copied ? "Copied" : `Copy ${what}`}>
            {copied ? <IconCheck size={15} /> : <IconCopy size={15} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}
