/** A dense table that becomes a list of cards on a phone. */

import { Box, ScrollArea, Table, Text, UnstyledButton } from "@mantine/core";
import { IconChevronDown, IconChevronUp, IconSelector } from "@tabler/icons-react";
import { useMemo, type KeyboardEvent, type ReactNode } from "react";
import { useAddress } from "../shell/address";

export interface Column<Row> {
  id: string;
  head: ReactNode;
  cell: (row: Row) => ReactNode;
  number?: boolean;
  /** What rows are sorted by; without it the column cannot be. */
  by?: (row: Row) => bigint | number | string | null;
  width?: number | string;
}

interface Props<Row> {
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** What the table is, for those who cannot see it. */
  label: string;
  open?: (row: Row) => void;
  isOpen?: (row: Row) => boolean;
  foot?: ReactNode;
  /** Kept as they come, whatever the address says. */
  fixed?: boolean;
}

export function DataTable<Row>({ columns, rows, keyOf, label, open, isOpen, foot, fixed }: Props<Row>) {
  const [address, go] = useAddress();
  const [name, down] = fixed ? ["", false] : [address.sort?.replace(/^-/, "") ?? "", address.sort?.startsWith("-") ?? false];
  const by = columns.find((column) => column.id === name)?.by;
  const sorted = useMemo(() => (by ? [...rows].sort((a, b) => compare(by(a), by(b)) * (down ? -1 : 1)) : rows), [rows, by, down]);
  const turn = (id: string) => go({ sort: name !== id ? `-${id}` : down ? id : undefined });
  const pressed = (event: KeyboardEvent, row: Row) => {
    if (event.target !== event.currentTarget || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    open?.(row);
  };
  return (
    <ScrollArea type="auto" className="tw-table-area">
      <Table className="tw-table" highlightOnHover={!!open} aria-label={label}>
        <Table.Thead>
          <Table.Tr>
            {columns.map((column) => (
              <Table.Th
                key={column.id}
                w={column.width}
                data-number={column.number || undefined}
                aria-sort={name !== column.id ? undefined : down ? "descending" : "ascending"}
              >
                {column.by && !fixed ? (
                  <UnstyledButton className="tw-sort" onClick={() => turn(column.id)}>
                    {column.head}
                    {name !== column.id ? <IconSelector size={13} /> : down ? <IconChevronDown size={13} /> : <IconChevronUp size={13} />}
                  </UnstyledButton>
                ) : (
                  column.head
                )}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {sorted.map((row) => (
            <Table.Tr
              key={keyOf(row)}
              onClick={open && (() => open(row))}
              onKeyDown={open && ((event) => pressed(event, row))}
              tabIndex={open ? 0 : undefined}
              data-open={isOpen?.(row) || undefined}
              className={open ? "tw-row" : undefined}
            >
              {columns.map((column) => (
                <Table.Td key={column.id} data-number={column.number || undefined}>
                  <Text span className="tw-card-label" aria-hidden>
                    {column.head}
                  </Text>
                  <Box className="tw-cell">{column.cell(row)}</Box>
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
        {foot && <Table.Tfoot>{foot}</Table.Tfoot>}
      </Table>
    </ScrollArea>
  );
}

function compare(a: bigint | number | string | null, b: bigint | number | string | null): number {
  if (a === b) return 0;
  // What is not known stands at the end of a rising order.
  if (a === null) return 1;
  if (b === null) return -1;
  return a < b ? -1 : 1;
}
