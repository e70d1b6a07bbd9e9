/** What somebody else wrote, as it may be shown: what steers text is written out, what is long is cut. */

// Control characters, half a surrogate pair, separators of lines, and all that is not seen or turns the direction of what is.
const STEERS = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/u;
// Between letters that are not of ASCII these join what is one sign, as in families of emoji and in Persian.
const JOINERS = new Set(["\u200c", "\u200d"]);

export interface Piece {
  text: string;
  /** It stands for a character that would not be seen as what it is. */
  escape: boolean;
}

const BLANK = /\p{Zs}/u;

/** A text in pieces of plain characters and of those written out: "\u202e" for the one that turns the direction. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  const characters = [...text];
  characters.forEach((character, place) => {
    const escape = (STEERS.test(character) || isLost(characters, place)) && !(JOINERS.has(character) && isForeign(characters[place - 1]) && isForeign(characters[place + 1]));
    const piece = escape ? writtenOut(character) : character;
    const last = found.at(-1);
    if (last?.escape === escape) last.text += piece;
    else found.push({ text: piece, escape });
  });
  return found;
}

/** The same as one text, for where nothing but text can stand. */
export function plain(text: string): string {
  return pieces(text)
    .map((piece) => piece.text)
    .join("");
}

/** The first `most` characters, with dots where there are more. */
export function cut(text: string, most: number): string {
  // No character is longer than two of JavaScript's, and what is megabytes long is not to be taken apart for a line.
  const characters = [...text.slice(0, 2 * most + 2)];
  return characters.length > most ? `${characters.slice(0, most).join("")}…` : text;
}

/** A blank at an end, or behind another one: a page shows " ml" and "ml" alike. */
function isLost(characters: readonly string[], place: number): boolean {
  return BLANK.test(characters[place] ?? "") && (place === 0 || place === characters.length - 1 || BLANK.test(characters[place - 1] ?? ""));
}

function isForeign(character: string | undefined): boolean {
  return character !== undefined && character > "\u007f";
}

function writtenOut(character: string): string {
  const named: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", " ": "␣" };
  const number = character.codePointAt(0) ?? 0;
  return named[character] ?? (number > 0xffff ? `\\u{${number.toString(16)}}` : `\\u${number.toString(16).padStart(4, "0")}`);
}
