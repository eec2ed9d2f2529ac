/** Grants by provider and state: a bar and numbers, each a link to its list. */

import { href } from "../core/route";
import type { Overview } from "../core/wire";
import { providerName } from "../core/words";
import { Empty } from "../parts/loading";
import { Table } from "../parts/table";

type Row = Overview["grants"][number];

const PARTS = [
    ["good", (row: Row) => row.valid - row.troubled],
    ["warn", (row: Row) => row.troubled],
    ["wrong", (row: Row) => row.invalid],
] as const;

export function Matrix({ grants }: { grants: Row[] }) {
    if (!grants.length) {
        return <Empty title="No grants yet" />;
    }
    return (
        <Table
            class="matrix"
            columns={[
                "Provider",
                { name: "Shares", class: "bar-column", hidden: true },
                { name: "Valid", class: "number" },
                { name: "In trouble", class: "number" },
                { name: "Invalid", class: "number" },
            ]}
        >
            {grants.map((row) => (
                <tr key={row.provider}>
                    <th scope="row">
                        <a href={href(["grants"], { provider: row.provider })}>{providerName(row.provider)}</a>
                    </th>
                    <td class="bar-column">
                        <Bar row={row} />
                    </td>
                    <Figure value={row.valid} provider={row.provider} state="valid" />
                    <Figure value={row.troubled} provider={row.provider} state="troubled" />
                    <Figure value={row.invalid} provider={row.provider} state="invalid" />
                </tr>
            ))}
        </Table>
    );
}

function Bar({ row }: { row: Row }) {
    return (
        <span class="bar" aria-hidden="true">
            {PARTS.map(
                ([tone, size]) => size(row) > 0 && <span key={tone} class={tone} style={{ flexGrow: size(row) }} />,
            )}
        </span>
    );
}

function Figure({ value, provider, state }: { value: number; provider: string; state: string }) {
    return (
        <td class="number">
            {value ? (
                <a
                    href={href(["grants"], { provider, state })}
                    aria-label={`${value} ${state} of ${providerName(provider)}`}
                >
                    {value.toLocaleString("en")}
                </a>
            ) : (
                <span class="soft">0</span>
            )}
        </td>
    );
}
