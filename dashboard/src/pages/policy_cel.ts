/** Conditions made by choices, as CEL and back. What choices cannot say stays CEL, and is never lost. */

export type Operator = "is" | "is not" | "begins with" | "ends with" | "contains" | "is set";

export interface Clause {
  /** A field as CEL has it: "cf.user.groups", "metadata.team". */
  field: string;
  operator: Operator;
  /** Any of them; none where it only has to be set. */
  values: readonly string[];
}

export interface Condition {
  clauses: readonly Clause[];
  /** Whether all of them have to hold, or any of them. */
  all: boolean;
}

/** Fields with many values: one of them is asked for. */
export const LISTS: readonly string[] = ["cf.user.groups", "groups", "identity.groups"];
export const ALWAYS: Condition = { clauses: [], all: true };

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const FIELD = String.raw`[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*|\["(?:[^"\\]|\\.)*"\])*`;
const TEXT = String.raw`"(?:[^"\\]|\\.)*"`;
const FUNCTIONS = { startsWith: "begins with", endsWith: "ends with", contains: "contains" } as const;

/** "metadata.cost-center" as CEL writes it: metadata["cost-center"]. */
export function field(name: string): string {
  const found = /^((?:verified\.)?metadata|cf\.custom)\.(.+)$/.exec(name);
  return found?.[1] && found[2] && !NAME.test(found[2]) ? `${found[1]}[${JSON.stringify(found[2])}]` : name;
}

function plain(written: string): string {
  return written.replace(/\["((?:[^"\\]|\\.)*)"\]/g, (_, inner: string) => `.${JSON.parse(`"${inner}"`) as string}`);
}

export function cel({ clauses, all }: Condition): string {
  if (clauses.length === 0) return "true";
  return clauses.map((clause) => atom(clause, clauses.length > 1 && all)).join(all ? " && " : " || ");
}

function atom({ field: name, operator, values }: Clause, nested: boolean): string {
  const on = field(name);
  const quoted = values.map((value) => JSON.stringify(value));
  const any = (parts: string[], negated = false) => {
    const joined = parts.join(" || ");
    return negated ? `!(${joined})` : parts.length > 1 && nested ? `(${joined})` : joined;
  };
  if (operator === "is set") return `has(${on})`;
  if (LISTS.includes(name)) return any(quoted.map((value) => `${value} in ${on}`), operator === "is not");
  switch (operator) {
    case "is":
      return quoted.length === 1 ? `${on} == ${quoted[0]}` : `${on} in [${quoted.join(", ")}]`;
    case "is not":
      return quoted.length === 1 ? `${on} != ${quoted[0]}` : `!(${on} in [${quoted.join(", ")}])`;
    default: {
      const call = Object.entries(FUNCTIONS).find(([, words]) => words === operator)?.[0] ?? "contains";
      return any(quoted.map((value) => `${on}.${call}(${value})`));
    }
  }
}

/** The choices that say this; null where none do. */
export function choices(text: string): Condition | null {
  const trimmed = text.trim();
  if (trimmed === "true" || trimmed === "") return ALWAYS;
  const whole = clause(trimmed);
  if (whole) return { clauses: [whole], all: true };
  for (const all of [true, false]) {
    const parts = split(trimmed, all ? "&&" : "||");
    if (parts.length < 2) continue;
    // "and" binds closer: an "or" beside it, in no brackets, is between other things than it seems.
    if (all && parts.some((part) => split(part, "||").length > 1)) return null;
    const clauses = parts.map(clause);
    if (clauses.every((one) => one !== null)) return { clauses, all };
  }
  return null;
}

function clause(text: string): Clause | null {
  const inner = unwrapped(text.trim());
  const negated = /^!\s*\((.*)\)$/s.exec(inner);
  if (negated?.[1] !== undefined && closes(inner, inner.indexOf("("))) {
    const found = clause(negated[1]);
    return found?.operator === "is" && (LISTS.includes(found.field) || found.values.length > 1) ? { ...found, operator: "is not" } : null;
  }
  const parts = split(inner, "||");
  if (parts.length > 1) {
    const found = parts.map(single);
    const first = found[0];
    // Only what would be written so again: "is" of a text is a list of values.
    if (!first || (first.operator === "is" && !LISTS.includes(first.field)) || first.operator === "is set" || first.operator === "is not") return null;
    if (!found.every((one) => one?.field === first.field && one.operator === first.operator)) return null;
    return { ...first, values: found.flatMap((one) => one?.values ?? []) };
  }
  return single(inner);
}

function single(text: string): Clause | null {
  const inner = text.trim();
  let found = new RegExp(`^has\\((${FIELD})\\)$`).exec(inner);
  if (found?.[1]) return { field: plain(found[1]), operator: "is set", values: [] };
  found = new RegExp(`^(${TEXT})\\s+in\\s+(${FIELD})$`).exec(inner);
  if (found?.[1] && found[2]) return LISTS.includes(plain(found[2])) ? { field: plain(found[2]), operator: "is", values: [unquoted(found[1])] } : null;
  found = new RegExp(`^(${FIELD})\\s+in\\s+\\[\\s*(${TEXT}(?:\\s*,\\s*${TEXT})+)\\s*\\]$`).exec(inner);
  if (found?.[1] && found[2]) return { field: plain(found[1]), operator: "is", values: [...found[2].matchAll(new RegExp(TEXT, "g"))].map((one) => unquoted(one[0])) };
  found = new RegExp(`^(${FIELD})\\s*(==|!=)\\s*(${TEXT})$`).exec(inner);
  if (found?.[1] && found[3]) return { field: plain(found[1]), operator: found[2] === "==" ? "is" : "is not", values: [unquoted(found[3])] };
  found = new RegExp(`^(${FIELD})\\.(startsWith|endsWith|contains)\\((${TEXT})\\)$`).exec(inner);
  if (found?.[1] && found[2] && found[3]) return { field: plain(found[1]), operator: FUNCTIONS[found[2] as keyof typeof FUNCTIONS], values: [unquoted(found[3])] };
  return null;
}

function unquoted(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    return text.slice(1, -1);
  }
}

function unwrapped(text: string): string {
  return text.startsWith("(") && closes(text, 0) ? unwrapped(text.slice(1, -1).trim()) : text;
}

/** Whether the bracket at `open` is closed by the last character. */
function closes(text: string, open: number): boolean {
  let depth = 0;
  for (const [place, letter] of outside(text)) {
    if (place < open) continue;
    if (letter === "(") depth++;
    else if (letter === ")" && --depth === 0) return place === text.length - 1;
  }
  return false;
}

/** The parts between an operator, as far as it stands in no brackets and no text. */
function split(text: string, by: "&&" | "||"): string[] {
  const parts: string[] = [];
  let [depth, begin] = [0, 0];
  for (const [place, letter] of outside(text)) {
    if ("([{".includes(letter)) depth++;
    else if (")]}".includes(letter)) depth--;
    else if (depth === 0 && text.startsWith(by, place) && place >= begin) {
      parts.push(text.slice(begin, place));
      begin = place + 2;
    }
  }
  return [...parts, text.slice(begin)].map((part) => part.trim());
}

/** Every character that is in no text. */
function* outside(text: string): Generator<[number, string]> {
  let quote = "";
  for (let place = 0; place < text.length; place++) {
    const letter = text[place] ?? "";
    if (quote) {
      if (letter === "\\") place++;
      else if (letter === quote) quote = "";
    } else if (letter === '"' || letter === "'") quote = letter;
    else yield [place, letter];
  }
}
