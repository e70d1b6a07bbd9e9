/** What keeps a budget from being made or changed, as far as it can be told while it is typed: in the words of the form. */

import { shown, typed, type Nanodollars } from "../money";

/** What 64 bits of nanodollars hold: `LARGEST` of tollway/money.py. */
export const LARGEST: Nanodollars = 2n ** 63n - 1n;

/** What is wrong with an amount; null for a right one, and for none. */
export function amountWrong(text: string): string | null {
  if (text.trim() === "") return null;
  const amount = typed(text);
  if (amount === null) return "Write an amount such as 250 or 0.50";
  if (amount < 0n) return "A limit is not below zero";
  return amount > LARGEST ? `That is too large: ${shown(LARGEST)} is the most` : null;
}

interface Named {
  id: string;
  name: string;
}

/** Who has a name already, or the id that is made of it; null where nobody does. */
export function nameTaken(name: string, budgets: readonly Named[]): string | null {
  const wanted = name.trim();
  if (wanted === "") return null;
  if (budgets.some((budget) => budget.name === wanted)) return "There is a budget of that name already";
  const other = budgets.find((budget) => budget.id === idOf(wanted));
  return other ? `The budget “${other.name}” has nearly that name, and the same id: ${other.id}` : null;
}

/** The id that the gateway makes of a name: `slug_of` of tollway/document/names.py. */
export function idOf(name: string): string {
  const slug = name
    .replace(/[^a-zA-Z0-9._-]+/g, "-")
    .replace(/^[-._]+/, "")
    .replace(/[-.]+$/, "");
  return slug.slice(0, 64) || "budget";
}
