/** Ctrl K: to any page, or to what a name or a request id belongs to. */

import { Modal, Text, TextInput, UnstyledButton } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconArrowRight, IconSearch } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useWho } from "../api/session";
import { pagesOf } from "./pages";

interface Place {
  label: string;
  to: string;
  search?: Record<string, string>;
}

export function Finder({ opened, setOpened }: { opened: boolean; setOpened: (opened: boolean) => void }) {
  const { may } = useWho();
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  useHotkeys([["mod+K", () => setOpened(!opened)]]);
  const places = useMemo<Place[]>(() => {
    const wanted = text.trim().toLowerCase();
    const found: Place[] = pagesOf(may)
      .filter((page) => `${page.label} ${page.words ?? ""}`.toLowerCase().includes(wanted))
      .map((page) => ({ label: page.label, to: page.to }));
    const exact = text.trim();
    if (exact && (may("logs:read") || may("own:read"))) {
      if (/^[0-9A-Za-z_-]{16,}$/.test(exact)) found.unshift({ label: `Request ${exact}`, to: "/requests", search: { open: exact } });
      for (const field of ["user", "model", "key"])
        found.push({ label: `Requests where ${field} is ${exact}`, to: "/requests", search: { [field]: exact } });
    }
    return found.slice(0, 12);
  }, [text, may]);
  const go = (place: Place | undefined) => {
    if (!place) return;
    setOpened(false);
    setText("");
    void navigate({ to: place.to, search: (place.search ?? {}) as never });
  };
  return (
    <Modal opened={opened} onClose={() => setOpened(false)} withCloseButton={false} padding={0} size={520} yOffset="12vh" attributes={{ content: { "aria-label": "Find" } }}>
      <TextInput
        data-autofocus
        size="md"
        variant="unstyled"
        px="md"
        leftSection={<IconSearch size={17} />}
        placeholder="A page, a person, a model, a request id"
        aria-label="Find a page, a person, a model or a request"
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            setAt((now) => Math.min(places.length - 1, Math.max(0, now + (event.key === "ArrowDown" ? 1 : -1))));
          } else if (event.key === "Enter") go(places[at]);
        }}
      />
      <div className="tw-found">
        {places.map((place, number) => (
          <UnstyledButton
            key={place.label}
            className="tw-found-line"
            data-at={number === at || undefined}
            onClick={() => go(place)}
            onMouseEnter={() => setAt(number)}
          >
            <Text size="sm" truncate>
              {place.label}
            </Text>
            <IconArrowRight size={14} aria-hidden />
          </UnstyledButton>
        ))}
        {places.length === 0 && (
          <Text size="sm" c="dimmed" p="md">
            Nothing is called that. A person is found by their whole address, a request by its whole id.
          </Text>
        )}
      </div>
    </Modal>
  );
}
