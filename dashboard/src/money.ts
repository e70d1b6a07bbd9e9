/** Money is a BigInt of nanodollars, read from exact decimal strings; no amount is ever a floating-point number. */

export type Nanodollars = bigint;

const PER_DOLLAR = 1_000_000_000n;
const AMOUNT = /^(-?)(\d+)(?:\.(\d{1,9}))?$/;

/** Reads an exact amount as the API writes it. Throws on anything else: an amount that is not understood is not zero. */
export function nanodollars(text: string): Nanodollars {
  const found = AMOUNT.exec(text);
  if (!found) throw new Error(`"${text}" is no amount in dollars`);
  const whole = BigInt(found[2] ?? "0") * PER_DOLLAR + BigInt((found[3] ?? "").padEnd(9, "0"));
  return found[1] ? -whole : whole;
}

/** The same amount as the API takes it: "0.00042". */
export function decimal(amount: Nanodollars): string {
  const size = magnitude(amount);
  const places = (size % PER_DOLLAR).toString().padStart(9, "0").replace(/0+$/, "");
  return `${amount < 0n ? "-" : ""}${size / PER_DOLLAR}${places ? `.${places}` : ""}`;
}

/** Every place there is: "$1,234.560000042". At least cents. */
export function exact(amount: Nanodollars): string {
  const [sign, size] = signed(amount);
  const places = (size % PER_DOLLAR).toString().padStart(9, "0").replace(/0+$/, "").padEnd(2, "0");
  return `${sign}$${grouped(size / PER_DOLLAR)}.${places}`;
}

/** For reading: cents, and under a cent as many places as it takes for two significant figures. Rounded half away from zero. */
export function shown(amount: Nanodollars): string {
  const [sign, size] = signed(amount);
  if (size === 0n) return "$0.00";
  const cents = rounded(size, 10_000_000n);
  if (size >= 10_000_000n) return `${sign}$${grouped(cents / 100n)}.${(cents % 100n).toString().padStart(2, "0")}`;
  const digits = size.toString();
  const unit = 10n ** BigInt(Math.max(0, digits.length - 2));
  const kept = (rounded(size, unit) * unit).toString().padStart(9, "0").replace(/0+$/, "");
  return `${sign}$0.${kept.padEnd(2, "0")}`;
}

/** With so many places, from 2 to 9: "$0.0150" of 0.01499 with four. Rounded half away from zero. */
export function withPlaces(amount: Nanodollars, places: number): string {
  const [sign, size] = signed(amount);
  const [unit, whole] = [10n ** BigInt(9 - places), 10n ** BigInt(places)];
  const kept = rounded(size, unit);
  return `${kept === 0n ? "" : sign}$${grouped(kept / whole)}.${(kept % whole).toString().padStart(places, "0")}`;
}

/** What is told in one receipt: its parts, and what they add up to. */
export interface Sum {
  parts: readonly Nanodollars[];
  total: Nanodollars;
}

/** The fewest places, and two at least, with which the rows of a receipt add up as they are written, and no small one loses its figures. */
export function placesOf(sums: readonly Sum[]): number {
  const visible = (places: number) => {
    const unit = 10n ** BigInt(9 - places);
    const written = (amount: Nanodollars) => (amount < 0n ? -rounded(-amount, unit) : rounded(amount, unit));
    return sums.every(
      ({ parts, total }) =>
        sum(parts.map(written)) === written(total) && parts.every((part) => part % unit === 0n || magnitude(written(part)) >= 10n),
    );
  };
  return [2, 3, 4, 5, 6, 7, 8].find(visible) ?? 9;
}

/** `part` of `whole` in percent with one place: "12.5 %". Null of nothing: what part that is nobody can say. Beyond 1,000 % it is so many times: "180×". */
export function percent(part: Nanodollars, whole: Nanodollars): string | null {
  if (whole === 0n) return null;
  const negative = part < 0n !== whole < 0n && part !== 0n;
  const [size, of] = [magnitude(part), magnitude(whole)];
  const sign = negative ? "−" : "";
  if (size > of * 10n) return `${sign}${manyTimes(size, of)}`;
  return `${sign}${tenthsOf(rounded(size * 1000n, of))} %`;
}

/** How much more or less it is than before: "+" and "12.5 %". From eleven times as much on it is told how many times: "17.5×", which is no difference and has no sign. */
export function changeOf(now: Nanodollars, before: Nanodollars): { sign: "" | "+" | "−"; size: string | null } {
  const difference = now - before;
  if (before > 0n && difference > before * 10n) return { sign: "", size: manyTimes(now, before) };
  return { sign: difference > 0n ? "+" : difference < 0n ? "−" : "", size: percent(magnitude(difference), before) };
}

/** How many times the one is the other, both above zero: "3.2×", "180×". */
export function manyTimes(amount: Nanodollars, of: Nanodollars): string {
  return `${amount < of * 100n ? tenthsOf(rounded(amount * 10n, of)) : grouped(rounded(amount, of))}×`;
}

/** How far `part` reaches along `whole`, from 0 to 1: for drawing alone. */
export function share(part: Nanodollars, whole: Nanodollars): number {
  if (whole <= 0n) return part > 0n ? 1 : 0;
  const millionths = (part * 1_000_000n) / whole;
  return Math.min(1, Math.max(0, Number(millionths) / 1_000_000));
}

/** `amount` · `numerator` / `denominator`, rounded half away from zero. */
export function times(amount: Nanodollars, numerator: bigint, denominator: bigint): Nanodollars {
  const product = amount * numerator;
  const size = rounded(magnitude(product), magnitude(denominator));
  return product < 0n !== denominator < 0n ? -size : size;
}

export function sum(amounts: Iterable<Nanodollars>): Nanodollars {
  let total = 0n;
  for (const amount of amounts) total += amount;
  return total;
}

/** For a chart's geometry alone, never for a number that is shown. */
export function height(amount: Nanodollars): number {
  return Number(amount) / 1e9;
}

/** What somebody typed, as an amount: "1,000.50" or "$5"; null where it is none. */
export function typed(text: string): Nanodollars | null {
  const plain = text.trim().replace("−", "-").replace(/^(-?)\$/, "$1").replace(/,(?=\d{3})/g, "");
  return AMOUNT.test(plain) ? nanodollars(plain) : null;
}

/** The sign is a true minus, as wide as a plus. */
function signed(amount: Nanodollars): ["" | "−", bigint] {
  return amount < 0n ? ["−", -amount] : ["", amount];
}

function tenthsOf(tenths: bigint): string {
  return `${grouped(tenths / 10n)}.${tenths % 10n}`;
}

function magnitude(amount: bigint): bigint {
  return amount < 0n ? -amount : amount;
}

function rounded(size: bigint, unit: bigint): bigint {
  return (size + unit / 2n) / unit;
}

function grouped(whole: bigint): string {
  return whole.toString().replace(/\B(?=(\d{3})+$)/g, ",");
}
