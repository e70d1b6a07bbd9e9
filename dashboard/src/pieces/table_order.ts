/** The order of a table's rows. */

export type Value = bigint | number | string | null;

export function compare(a: Value, b: Value): number {
  if (a === b) return 0;
  // What is not known stands at the end of a rising order.
  if (a === null) return 1;
  if (b === null) return -1;
  return a < b ? -1 : 1;
}

/** Rows of a tree, written from the root down: brothers are put in order, and each keeps what is below it. */
export function withinTree<Row>(rows: readonly Row[], depth: (row: Row) => number, order: (a: Row, b: Row) => number): Row[] {
  const branches: { head: Row; below: Row[] }[] = [];
  for (const row of rows) {
    const last = branches.at(-1);
    if (last && depth(row) > depth(last.head)) last.below.push(row);
    else branches.push({ head: row, below: [] });
  }
  return branches.sort((a, b) => order(a.head, b.head)).flatMap(({ head, below }) => [head, ...withinTree(below, depth, order)]);
}
