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
  const [sign, size] = signed(amount);
  const places = (size % PER_DOLLAR).toString().padStart(9, "0").replace(/0+$/, "");
  return `${sign}${size / PER_DOLLAR}${places ? `.${places}` : ""}`;
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

/** `part` of `whole` in percent with one place: "12.5 %". Null of nothing: what part that is nobody can say. */
export function percent(part: Nanodollars, whole: Nanodollars): string | null {
  if (whole === 0n) return null;
  const negative = part < 0n !== whole < 0n && part !== 0n;
  const tenths = rounded(magnitude(part) * 1000n, magnitude(whole));
  return `${negative ? "−" : ""}${grouped(tenths / 10n)}.${tenths % 10n} %`;
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
  const plain = text.trim().replace(/^\$/, "").replace(/,(?=\d{3})/g, "");
  return AMOUNT.test(plain) ? nanodollars(plain) : null;
}

function signed(amount: Nanodollars): ["" | "-", bigint] {
  return amount < 0n ? ["-", -amount] : ["", amount];
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
