/** The order of a table whose head is not there: on a phone, where rows are cards. */

import { NativeSelect } from "@mantine/core";
import type { Column } from "./table";

interface Props<Row> {
  columns: readonly Column<Row>[];
  /** As the address has it: "spent" rising, "-spent" falling. */
  sort: string | undefined;
  set: (sort: string | undefined) => void;
}

export function SortBy<Row>({ columns, sort = "", set }: Props<Row>) {
  const orders = columns.filter(({ by }) => by).flatMap((column) => [
    { value: `-${column.id}`, label: `${nameOf(column)}, falling` },
    { value: column.id, label: `${nameOf(column)}, rising` },
  ]);
  if (orders.length === 0) return null;
  const known = orders.some(({ value }) => value === sort);
  return (
    <NativeSelect
      size="xs"
      className="tw-sort-by"
      label="Sort by"
      data={[{ value: "", label: "as listed" }, ...orders]}
      value={known ? sort : ""}
      onChange={(event) => set(event.currentTarget.value || undefined)}
    />
  );
}

/** A head that is not plain text is called by the name of its column. */
function nameOf<Row>({ head, id, called }: Column<Row>): string {
  return called ?? (typeof head === "string" ? head : id.charAt(0).toUpperCase() + id.slice(1));
}
