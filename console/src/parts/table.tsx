import type { ComponentChildren } from 'preact';
import type { List } from '../api/list';
import { Problem } from './note';
import { Skeleton } from './screen';

export interface Column<T> {
  readonly name: string;
  /** Classes, such as `num`; `wide`: as wide as the card on a phone, without its name. */
  readonly kind?: string;
  readonly cell: (row: T) => ComponentChildren;
}

interface TableProps<T> {
  readonly caption: string;
  /** The first one names the row. A name that begins with a dot is for screen readers alone. */
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly isCurrent?: (row: T) => boolean;
}

/** Rows become cards on a phone; roles are written out, because CSS then takes them away. */
export function Table<T>({ caption, columns, rows, keyOf, isCurrent }: TableProps<T>) {
  const [head, ...rest] = columns;
  if (head === undefined) return null;
  return (
    <table class="stack" role="table">
      <caption class="vh">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ name, kind }) => (
            <th key={name} role="columnheader" scope="col" class={kind}>
              {name.startsWith('.') ? <span class="vh">{name.slice(1)}</span> : name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr role="row" key={keyOf(row)} class={isCurrent?.(row) === true ? 'current' : undefined}>
            <th role="rowheader" scope="row">
              {head.cell(row)}
            </th>
            {rest.map(({ name, kind = '', cell }) => (
              <td
                key={name}
                role="cell"
                class={kind}
                data-l={kind.includes('wide') || name.startsWith('.') ? undefined : name}
              >
                {cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface ListProps<T> {
  readonly list: List<T>;
  /** What would be here, and the way to it. */
  readonly empty: ComponentChildren;
  readonly children: (rows: readonly T[]) => ComponentChildren;
}

/** What a list has, why it could not be read, and the way to more of it. */
export function ListPanel<T>({ list: { rows, problem, more, reload }, empty, children }: ListProps<T>) {
  return (
    <>
      <Problem problem={problem} retry={reload} />
      {rows === undefined && problem === null && <Skeleton />}
      {rows?.length === 0 && <p>{empty}</p>}
      {rows !== undefined && rows.length > 0 && <div class="panel">{children(rows)}</div>}
      {more !== null && (
        <div>
          <button type="button" class="btn" onClick={more}>
            Show 100 more
          </button>
        </div>
      )}
    </>
  );
}
