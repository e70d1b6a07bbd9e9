/** A name or a value that somebody outside wrote: never mark-up, never turned around, and no longer than there is room for. */

import { UnstyledButton } from "@mantine/core";
import { Fragment, useState } from "react";
import { cut, pieces, plain } from "./plain";

/** Characters of a value in a line of a list. */
const LINE = 120;
/** Of what is told when somebody points at it: more than a caller's header may have in one value. */
const TOLD = 1_100;
/** Characters that are shown at first where there is room for all. */
const ROOM = 320;

/** What is told of a text when somebody points at it. */
export function titleOf(text: string): string {
  return plain(cut(text, TOLD));
}

/** In a line. */
export function Said({ text }: { text: string }) {
  return (
    <bdi title={titleOf(text)}>
      <Pieces text={cut(text, LINE)} />
    </bdi>
  );
}

/** Where all of it may stand: the beginning of what is long, and the rest when it is asked for. */
export function SaidWhole({ text }: { text: string }) {
  const [whole, setWhole] = useState(false);
  const beginning = cut(text, ROOM);
  const isLong = beginning !== text;
  return (
    <>
      <bdi className={whole ? "tw-said-whole" : undefined} tabIndex={whole ? 0 : undefined}>
        <Pieces text={whole ? text : beginning} />
      </bdi>
      {isLong && (
        <UnstyledButton className="tw-link tw-said-more" aria-expanded={whole} onClick={() => setWhole(!whole)}>
          {whole ? "Show less" : `Show all ${[...text].length.toLocaleString("en-US")} characters`}
        </UnstyledButton>
      )}
    </>
  );
}

function Pieces({ text }: { text: string }) {
  return (
    <>
      {pieces(text).map((piece, place) =>
        piece.escape ? (
          <span key={place} className="tw-escape" title="a character that is not seen, or that turns what is">
            {piece.text}
          </span>
        ) : (
          <Fragment key={place}>{piece.text}</Fragment>
        ),
      )}
    </>
  );
}
