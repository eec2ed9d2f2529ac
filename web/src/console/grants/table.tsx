/** Grants as a table: rows can be selected, and two columns sort. */

import type { Signal } from "@preact/signals";
import { Badge } from "../../shared/parts";
import { href } from "../core/route";
import type { Grant } from "../core/wire";
import { grantState, providerName, troubleLine } from "../core/words";
import { Due, Time } from "../parts/time";

/** Ids of the selected grants. */
export type Selection = Signal<ReadonlySet<string>>;

const SORTED = { Authenticated: "updated", Created: "created" } as const;

export function GrantTable({
    grants,
    selection,
    sort,
    onSort,
}: {
    grants: Grant[];
    selection: Selection;
    sort: string;
    onSort: (sort: string) => void;
}) {
    return (
        <div class="card scroll">
            <table class="rows stack dense grants">
                <thead>
                    <tr>
                        <th scope="col" class="select">
                            <SelectAll grants={grants} selection={selection} />
                        </th>
                        {["Email", "Provider", "State", "Last verified", "Next check"].map((name) => (
                            <th key={name} scope="col">
                                {name}
                            </th>
                        ))}
                        <SortHeading name="Authenticated" sort={sort} onSort={onSort} />
                        <SortHeading name="Created" sort={sort} onSort={onSort} />
                    </tr>
                </thead>
                <tbody>
                    {grants.map((grant) => (
                        <GrantRow key={grant.id} grant={grant} selection={selection} />
                    ))}
                </tbody>
            </table>
        </div>
    );
}

/** The first click sorts by the latest, the second by the oldest. */
function SortHeading({
    name,
    sort,
    onSort,
}: {
    name: keyof typeof SORTED;
    sort: string;
    onSort: (sort: string) => void;
}) {
    const by = SORTED[name];
    const latest = by === "created" ? "" : `-${by}`;
    const direction = sort === latest ? "descending" : sort === by ? "ascending" : undefined;
    return (
        <th scope="col" aria-sort={direction}>
            <button type="button" class="sort" onClick={() => onSort(direction === "descending" ? by : latest)}>
                {name}
                <span aria-hidden="true">{direction === "ascending" ? "↑" : direction ? "↓" : "↕"}</span>
            </button>
        </th>
    );
}

function SelectAll({ grants, selection }: { grants: Grant[]; selection: Selection }) {
    const chosen = grants.filter(({ id }) => selection.value.has(id)).length;
    return (
        <input
            type="checkbox"
            aria-label="Select all loaded grants"
            checked={chosen > 0 && chosen === grants.length}
            indeterminate={chosen > 0 && chosen < grants.length}
            onChange={({ currentTarget }) => {
                selection.value = new Set(currentTarget.checked ? grants.map(({ id }) => id) : []);
            }}
        />
    );
}

/** Reads the selection itself, so that a change of it renders boxes and not rows. */
function Select({ grant, selection }: { grant: Grant; selection: Selection }) {
    return (
        <input
            type="checkbox"
            aria-label={`Select ${grant.email}`}
            checked={selection.value.has(grant.id)}
            onChange={({ currentTarget }) => {
                const next = new Set(selection.value);
                if (currentTarget.checked) {
                    next.add(grant.id);
                } else {
                    next.delete(grant.id);
                }
                selection.value = next;
            }}
        />
    );
}

function GrantRow({ grant, selection }: { grant: Grant; selection: Selection }) {
    const { word, tone } = grantState(grant);
    const { proven_at, next_check_at } = grant.opengrant;
    const line = troubleLine(grant.opengrant);
    return (
        <tr>
            <td class="select">
                <Select grant={grant} selection={selection} />
            </td>
            <th scope="row">
                <a href={href(["grants", grant.id])}>{grant.email}</a>
                {grant.name && <span class="soft second">{grant.name}</span>}
            </th>
            <td data-label="Provider">{providerName(grant.provider)}</td>
            <td data-label="State">
                <Badge tone={tone}>{word}</Badge>
                {line && <span class="soft second">{line}</span>}
            </td>
            <td data-label="Last verified">{proven_at === undefined ? <None /> : <Time at={proven_at} />}</td>
            <td data-label="Next check">{next_check_at === undefined ? <None /> : <Due at={next_check_at} />}</td>
            <td data-label="Authenticated">
                <Time at={grant.updated_at} />
            </td>
            <td data-label="Created">
                <Time at={grant.created_at} />
            </td>
        </tr>
    );
}

function None() {
    return <span class="soft">none</span>;
}
