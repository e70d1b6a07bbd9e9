/** A dense table that becomes a list of cards on a phone. Of a long one, only what is in view is there. */

import { Box, ScrollArea, Table, Text, UnstyledButton } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconChevronDown, IconChevronUp, IconSelector } from "@tabler/icons-react";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode, type RefObject } from "react";
import { useAddress } from "../shell/address";
import { SortBy } from "./sort_by";
import { compare, withinTree, type Value } from "./table_order";

export interface Column<Row> {
  id: string;
  head: ReactNode;
  /** What the head says, where it is more than plain text. */
  called?: string;
  cell: (row: Row) => ReactNode;
  number?: boolean;
  /** What rows are sorted by; without it the column cannot be. */
  by?: (row: Row) => Value;
  width?: number | string;
  /** Left out where the window is narrow, until rows are cards. */
  wide?: boolean;
  /** Left out of the card that a row is on a phone; what the row opens has it. */
  phone?: false;
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
  /** Of rows that are a tree: how deep each is. Only brothers are sorted. */
  depth?: (row: Row) => number;
}

/** Behind the closing of a panel, which has put the focus where it was before. */
const CLOSED_MS = 40;
/** Longer tables draw the rows in view alone. */
const WHOLE = 100;
const ROW_PX = 37;
/** Where style.css makes rows cards, and takes the head away. */
const CARDS = "(max-width: 48em)";

export function DataTable<Row>({ columns, rows, keyOf, label, open, isOpen, foot, fixed, depth }: Props<Row>) {
  const [address, go] = useAddress();
  const [name, down] = fixed ? ["", false] : [address.sort?.replace(/^-/, "") ?? "", address.sort?.startsWith("-") ?? false];
  const by = columns.find((column) => column.id === name)?.by;
  const sorted = useMemo(() => {
    if (!by) return rows;
    const order = (a: Row, b: Row) => compare(by(a), by(b)) * (down ? -1 : 1);
    return depth ? withinTree(rows, depth, order) : [...rows].sort(order);
  }, [rows, by, down, depth]);
  const cards = useMediaQuery(CARDS, undefined, { getInitialValueInEffect: false });
  const turn = (id: string) => go({ sort: name !== id ? `-${id}` : down ? id : undefined });
  const pressed = (event: KeyboardEvent, row: Row) => {
    if (event.target !== event.currentTarget || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    open?.(row);
  };
  const body = useRef<HTMLTableSectionElement>(null);
  const opened = isOpen && rows.find(isOpen);
  useReturn(body, opened && keyOf(opened));
  const [top, setTop] = useState(0);
  const isLong = sorted.length > WHOLE;
  useLayoutEffect(() => {
    if (isLong && body.current) setTop(body.current.getBoundingClientRect().top + window.scrollY);
  }, [isLong]);
  const virtual = useWindowVirtualizer({ count: isLong ? sorted.length : 0, estimateSize: () => ROW_PX, overscan: 20, scrollMargin: top });
  const inView = virtual.getVirtualItems();
  const above = isLong ? (inView[0]?.start ?? top) - top : 0;
  const below = isLong ? virtual.getTotalSize() - ((inView.at(-1)?.end ?? top) - top) : 0;
  const drawn = isLong ? inView.flatMap(({ index }) => sorted[index] ?? []) : sorted;
  const first = isLong ? (inView[0]?.index ?? 0) : 0;
  return (
    <>
      {cards && !fixed && <SortBy columns={columns} sort={address.sort} set={(sort) => go({ sort })} />}
      <ScrollArea type="auto" className="tw-table-area">
        <Table className="tw-table" highlightOnHover={!!open} aria-label={label} aria-rowcount={isLong ? sorted.length + 1 : undefined}>
          <Table.Thead>
            <Table.Tr>
              {columns.map((column) => (
                <Table.Th
                  key={column.id}
                  w={column.width}
                  data-number={column.number || undefined}
                  data-wide={column.wide || undefined}
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
          <Table.Tbody ref={body}>
            <Spacer height={above} />
            {drawn.map((row, number) => (
              <Table.Tr
                key={keyOf(row)}
                ref={isLong ? virtual.measureElement : undefined}
                data-index={isLong ? first + number : undefined}
                aria-rowindex={isLong ? first + number + 2 : undefined}
                onClick={open && (() => open(row))}
                onKeyDown={open && ((event) => pressed(event, row))}
                tabIndex={open ? 0 : undefined}
                data-key={open && keyOf(row)}
                data-open={isOpen?.(row) || undefined}
                className={open ? "tw-row" : undefined}
              >
                {columns.map((column) => (
                  <Table.Td
                    key={column.id}
                    data-number={column.number || undefined}
                    data-wide={column.wide || undefined}
                    data-phone={column.phone === false ? "no" : undefined}
                  >
                    <Text span className="tw-card-label" aria-hidden>
                      {column.head}
                    </Text>
                    <Box className="tw-cell">{column.cell(row)}</Box>
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
            <Spacer height={below} />
          </Table.Tbody>
          {foot && <Table.Tfoot>{foot}</Table.Tfoot>}
        </Table>
      </ScrollArea>
    </>
  );
}

/** The room of rows that are not drawn. */
function Spacer({ height }: { height: number }) {
  return height > 0 ? (
    <tr aria-hidden className="tw-spacer">
      <td style={{ height }} />
    </tr>
  ) : null;
}

/** Whoever closes what a row opened is back at that row, where nothing else has the focus by then. */
function useReturn(body: RefObject<HTMLTableSectionElement | null>, opened: string | undefined) {
  const before = useRef(opened);
  useEffect(() => {
    const was = before.current;
    before.current = opened;
    if (was === undefined || opened !== undefined) return;
    const timer = setTimeout(() => {
      const at = document.activeElement;
      if (at && at !== document.body && !at.closest("[role=dialog]")) return;
      body.current?.querySelector<HTMLElement>(`tr[data-key="${CSS.escape(was)}"]`)?.focus({ preventScroll: true });
    }, CLOSED_MS);
    return () => clearTimeout(timer);
  }, [body, opened]);
}
