/** What the gateway says is wrong with a policy, by the field it is about. */

import { idOf } from "./budget_wrong";

export interface Placed {
  field: "condition" | "other";
  /** Without what the form shows itself. */
  said: string;
}

/** `policy "x", condition, column 4: it ends too early; in: 1 +` is about the condition: "Column 4: it ends too early". */
export function placed(message: string): Placed {
  const plain = message.replace(/^policy "(?:[^"]|"(?!, ))*", /, "").replace(/^policies: /, "");
  const found = /^condition(?:, |: )/.exec(plain);
  if (!found) return { field: "other", said: capital(plain) };
  // The condition stands right above it.
  const said = plain.slice(found[0].length).replace(/[;.] [iI]n: [\s\S]*$/, "");
  return { field: "condition", said: `${capital(said).replace(/\.$/, "")}.` };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

interface Named {
  id: string;
  name: string;
  staging: boolean;
}

/** Whose name a new policy would take; null where it is nobody's. A draft of the name is replaced by the new one. */
export function nameTaken(name: string, policies: readonly Named[]): string | null {
  const wanted = name.trim();
  if (wanted === "") return null;
  const other = policies.find((policy) => !policy.staging && (policy.name === wanted || policy.id === idOf(wanted)));
  if (!other) return null;
  return other.name === wanted ? "There is a policy of that name already" : `The policy “${other.name}” has nearly that name, and the same id: ${other.id}`;
}
