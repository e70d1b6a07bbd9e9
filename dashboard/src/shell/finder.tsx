/** Ctrl K: to any page, or to what a name or a request id belongs to. */

import { Modal, Text, TextInput, UnstyledButton } from "@mantine/core";
import { IconArrowRight, IconSearch } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useApi } from "../api/client";
import { useWho } from "../api/session";
import { useValues } from "../pieces/values";
import { pagesOf } from "./pages";

interface Place {
  label: string;
  /** What kind of thing it is. */
  kind: string;
  to: string;
  search?: Record<string, string>;
}

const MOST = 12;
const OF_A_KIND = 4;

export function Finder({ close }: { close: () => void }) {
  const { may } = useWho();
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const budgets = useApi("/api/v1/budgets", {}, { enabled: may("budgets:read") });
  const keys = useApi("/api/v1/keys", {}, { enabled: may("keys:read") });
  const people = useValues("user", may("analytics:read"));
  const models = useValues("model", may("analytics:read"));
  const places = useMemo<Place[]>(() => {
    const exact = text.trim();
    const wanted = exact.toLowerCase();
    const found: Place[] = pagesOf(may)
      .filter((page) => `${page.label} ${page.words ?? ""}`.toLowerCase().includes(wanted))
      .map((page) => ({ label: page.label, kind: "page", to: page.to }));
    if (!exact) return found.slice(0, MOST);
    const among = (kind: string, names: readonly string[], place: (name: string) => Omit<Place, "label" | "kind">) =>
      names
        .filter((name) => name.toLowerCase().includes(wanted))
        .slice(0, OF_A_KIND)
        .map((name) => ({ label: name, kind, ...place(name) }));
    const known = (budgets.data?.items ?? []).map(({ id, name }) => ({ id, name }));
    found.push(
      ...among("budget", known.map(({ name }) => name), (name) => ({ to: "/budgets", search: { open: known.find((one) => one.name === name)?.id ?? "" } })),
      ...among("person", people, (name) => ({ to: "/spend", search: { by: "model", user: name } })),
      ...among("model", models, (name) => ({ to: "/spend", search: { by: "user", model: name } })),
      ...among("key", (keys.data?.items ?? []).map(({ name }) => name), (name) => ({ to: "/requests", search: { key: name } })),
    );
    if (may("logs:read") || may("own:read")) {
      if (/^[0-9A-Za-z_-]{16,}$/.test(exact)) found.unshift({ label: `Request ${exact}`, kind: "request", to: "/requests", search: { open: exact } });
      if (found.length === 0 || !found.some((place) => place.kind === "person" || place.kind === "model"))
        for (const field of ["user", "model", "key"])
          found.push({ label: `Requests where ${field} is ${exact}`, kind: "requests", to: "/requests", search: { [field]: exact } });
    }
    return found.slice(0, MOST);
  }, [text, may, budgets.data, keys.data, people, models]);
  const go = (place: Place | undefined) => {
    if (!place) return;
    close();
    void navigate({ to: place.to, search: (place.search ?? {}) as never });
  };
  return (
    <Modal opened onClose={close} zIndex={400} withCloseButton={false} padding={0} size={520} yOffset="12vh" attributes={{ content: { "aria-label": "Find" } }}>
      <TextInput
        data-autofocus
        size="md"
        variant="unstyled"
        px="md"
        leftSection={<IconSearch size={17} />}
        placeholder="A page, a person, a model, a budget, a request id"
        aria-label="Find a page, a person, a model or a request"
        role="combobox"
        aria-expanded
        aria-controls="tw-found"
        aria-activedescendant={places[at] ? `tw-found-${at}` : undefined}
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
      <div className="tw-found" id="tw-found" role="listbox" aria-label="What was found">
        {places.map((place, number) => (
          <UnstyledButton
            key={`${place.kind} ${place.label}`}
            id={`tw-found-${number}`}
            role="option"
            aria-selected={number === at}
            tabIndex={-1}
            className="tw-found-line"
            data-at={number === at || undefined}
            onClick={() => go(place)}
            onMouseEnter={() => setAt(number)}
          >
            <Text size="sm" truncate>
              {place.label}
            </Text>
            <Text size="xs" c="dimmed" className="tw-found-kind">
              {place.kind} <IconArrowRight size={14} aria-hidden />
            </Text>
          </UnstyledButton>
        ))}
      </div>
      {places.length === 0 && (
        <Text size="sm" c="dimmed" p="md" pt={0}>
          Nothing is called that.
        </Text>
      )}
    </Modal>
  );
}
