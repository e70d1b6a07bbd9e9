/** Freezing a month, and charging or giving back beside its usage: both with a word why. */

import { Alert, Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconSnowflake } from "@tabler/icons-react";
import { useState, type FormEvent } from "react";
import { useChange, type Schemas } from "../api/client";
import { decimal, shown as amountShown, typed } from "../money";
import { Amount } from "../pieces/amount";
import { Failed } from "../pieces/states";
import { count } from "../time";
import { monthName } from "./statement_months";

interface Props {
  shown: Schemas["StatementsShown"];
  close: () => void;
}

export function Freeze({ shown, close }: Props) {
  const [word, setWord] = useState("");
  const freeze = useChange("post", "/api/v1/statements/{month}/freeze");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    freeze.mutate(
      { path: { month: shown.month }, body: { by: shown.by, word: word.trim(), timezone: shown.timezone } },
      {
        onSuccess: (made) => {
          notifications.show({ message: [`${monthName(made.month)} is frozen.`, ...made.warnings].join(" "), color: made.warnings.length ? "yellow" : "accent" });
          close();
        },
      },
    );
  };
  return (
    <Modal opened onClose={close} title={`Freeze ${monthName(shown.month)}`} closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Text size="sm">
            {count(shown.rows.length)} statements of <Amount of={shown.total.total_usd} fw={600} /> by {shown.by.replace("metadata.", "")}, in days of{" "}
            {shown.timezone}, will never change again. What is booked for this month later is an adjustment in the statement of the month in which it is
            booked.
          </Text>
          {shown.total.unpriced > 0 && (
            <Alert color="yellow" variant="outline" title={`${count(shown.total.unpriced)} calls have no price`}>
              They are in no amount. Give their models a price and re-rate them first, or they will be adjustments later.
            </Alert>
          )}
          <TextInput label="Why" placeholder="Agreed with finance" value={word} maxLength={500} onChange={(event) => setWord(event.currentTarget.value)} data-autofocus required />
          {freeze.error && <Failed error={freeze.error} what="It is not frozen" />}
          <Group justify="end">
            <Button variant="default" onClick={close}>
              Leave it open
            </Button>
            <Button type="submit" leftSection={<IconSnowflake size={14} />} disabled={!word.trim()} loading={freeze.isPending}>
              Freeze for ever
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

export function Adjust({ shown, close }: Props) {
  const [value, setValue] = useState("");
  const [text, setText] = useState("");
  const [word, setWord] = useState("");
  // The same is never booked twice, however often the button is pressed.
  const [id] = useState(() => crypto.randomUUID());
  const book = useChange("post", "/api/v1/statements/adjustments");
  const amount = typed(text.replace(/^\s*[-−]/, ""));
  const signed = amount === null ? null : /^\s*[-−]/.test(text) ? -amount : amount;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (signed === null) return;
    book.mutate(
      { body: { by: shown.by, value: value.trim(), amount_usd: decimal(signed), word: word.trim(), month: shown.month, timezone: shown.timezone, id } },
      {
        onSuccess: (made) => {
          notifications.show({ message: [`Booked; it is in the statement of ${monthName(made.charged_in)}.`, ...made.warnings].join(" "), color: made.warnings.length ? "yellow" : "accent" });
          close();
        },
      },
    );
  };
  return (
    <Modal opened onClose={close} title="Adjustment" closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            An entry of the ledger that belongs to {monthName(shown.month)}
            {shown.state === "frozen" && ", and, as that is frozen, stands in the statement of the month that is running"}. It counts in every sum; a mistake
            is amended by another one.
          </Text>
          <TextInput label={shown.by.replace("metadata.", "").replace("_", " ")} list="tw-whom" value={value} onChange={(event) => setValue(event.currentTarget.value)} data-autofocus required />
          <datalist id="tw-whom">{shown.rows.map((row) => row.value && <option key={row.value} value={row.value} />)}</datalist>
          <TextInput
            label="Amount, in US dollars"
            placeholder="-12.50 gives back"
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            error={text && signed === null ? "Write an amount such as 12.50 or -12.50" : undefined}
            description={signed === null ? undefined : `${amountShown(signed < 0n ? -signed : signed)} ${signed < 0n ? "given back" : "charged"}`}
            required
          />
          <TextInput label="Why" value={word} maxLength={500} onChange={(event) => setWord(event.currentTarget.value)} required />
          {book.error && <Failed error={book.error} what="It is not booked" />}
          <Group justify="end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" disabled={signed === null || signed === 0n || !value.trim() || !word.trim()} loading={book.isPending}>
              Book it
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
