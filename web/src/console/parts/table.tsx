/** A list as a table, in a card that scrolls. Columns are a property, rows are children. */

import type { ComponentChildren } from "preact";

/** Mostly a name. A hidden column heading is for screen readers only; false is left out. */
export type Column = false | string | { name: string; class?: string; hidden?: boolean };

export function Table({
    columns,
    class: looks,
    children,
}: {
    columns: Column[];
    /** The class of rows: `stack`, with `dense` or without, or another one. */
    class: string;
    children: ComponentChildren;
}) {
    return (
        <div class="card scroll">
            <table class={`rows ${looks}`}>
                <Headings of={columns} />
                <tbody>{children}</tbody>
            </table>
        </div>
    );
}

/** The head only, for a table in another frame. */
export function Headings({ of: columns }: { of: Column[] }) {
    return (
        <thead>
            <tr>
                {columns
                    .filter((column) => column !== false)
                    .map((column) => (typeof column === "string" ? { name: column } : column))
                    .map(({ name, class: looks, hidden }) => (
                        <th key={name} scope="col" class={looks}>
                            {hidden ? <span class="visually-hidden">{name}</span> : name}
                        </th>
                    ))}
            </tr>
        </thead>
    );
}
