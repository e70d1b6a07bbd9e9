/** What was typed and not saved is not lost without a word: whoever leaves is asked first. */

import { Button, Group, Modal, Text } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, type ReactNode } from "react";
import type { Address } from "../shell/address";

/** What in the address says which form is there. Another range or order leaves it where it is. */
const PLACES = ["open", "tab", "gateway", "rule"] as const;

interface Place {
  pathname: string;
  search: object;
}

interface Unsaved {
  /** To be drawn anywhere in the form. */
  question: ReactNode;
  /** It is saved: what leads away from here on is not asked about. */
  saved: () => void;
}

/** Asks while `dirty` before another page, another panel or none is shown, and before the tab is closed. */
export function useUnsaved(dirty: boolean): Unsaved {
  // At once, and not with the next paint: what is saved leads away in the same turn.
  const isSaved = useRef(false);
  useEffect(() => {
    if (!dirty) isSaved.current = false;
  }, [dirty]);
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => dirty && !isSaved.current && leaves(current, next),
    enableBeforeUnload: () => dirty && !isSaved.current,
    withResolver: true,
  });
  const saved = useCallback(() => {
    isSaved.current = true;
  }, []);
  const stay = () => blocker.reset?.();
  const question = (
    <Modal
      opened={blocker.status === "blocked"}
      onClose={stay}
      closeOnEscape={false}
      withCloseButton={false}
      title="Leave without saving?"
      zIndex={400}
      centered
      // Escape would close the drawer below as well.
      onKeyDown={(event) => event.key === "Escape" && stay()}
    >
      <Text size="sm" mb="md">
        What you changed here is not saved, and is gone when you leave.
      </Text>
      <Group gap="xs" justify="end">
        <Button variant="default" onClick={stay} data-autofocus data-mantine-stop-propagation="true">
          Stay
        </Button>
        <Button color="red" onClick={() => blocker.proceed?.()} data-mantine-stop-propagation="true">
          Leave without saving
        </Button>
      </Group>
    </Modal>
  );
  return { question, saved };
}

/** Whether the form of one address is not at the other. */
export function leaves(current: Place, next: Place): boolean {
  const [from, to] = [current.search as Address, next.search as Address];
  return current.pathname !== next.pathname || PLACES.some((name) => (from[name] ?? "") !== (to[name] ?? ""));
}
