/** The filters and the order of the list. The page's address contains them. */

import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Query } from "../core/api";
import { get } from "../core/api";
import { useLoad } from "../core/load";
import type { Connector, Workspace } from "../core/wire";
import { CLASSES, PROVIDER_NAMES, providerName } from "../core/words";
import { Choice } from "../parts/field";

/** As in the address. Times are Unix seconds. */
export interface Filters {
    search: string;
    provider: string;
    state: string;
    trouble: string;
    connector: string;
    workspace: string;
    ip: string;
    since: string;
    before: string;
    sort: string;
    size: string;
}

const NAMES = [
    ...(["search", "provider", "state", "trouble", "connector", "workspace"] as const),
    ...(["ip", "since", "before", "sort", "size"] as const),
];
/** Those behind the button. */
const FURTHER = ["trouble", "connector", "workspace", "ip", "since", "before"] as const;
export const SORTS = [
    ["", "Created, newest first"],
    ["created", "Created, oldest first"],
    ["-updated", "Authenticated, latest first"],
    ["updated", "Authenticated, longest ago first"],
] as const;
const SIZES = ["50", "100", "200"];

export function filtersOf(query: URLSearchParams): Filters {
    return Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? ""])) as unknown as Filters;
}

/** The query of the API's list, without its page. */
export function queryOf(filters: Filters): Query {
    const { state, sort } = filters;
    return {
        search: filters.search,
        provider: filters.provider,
        grant_status: state === "troubled" ? undefined : state,
        troubled: state === "troubled" || undefined,
        trouble_class: filters.trouble,
        connector_id: filters.connector,
        workspace_id: filters.workspace,
        ip: filters.ip,
        since: filters.since,
        before: filters.before,
        sort_by: sort.endsWith("updated") ? "updated_at" : undefined,
        order_by: sort && !sort.startsWith("-") ? "asc" : undefined,
    };
}

export function sizeOf({ size }: Filters): number {
    return SIZES.includes(size) ? Number(size) : 50;
}

/** How many conditions there are; the order and the size are none. */
export function conditions(filters: Filters): number {
    return NAMES.filter((name) => name !== "sort" && name !== "size" && filters[name]).length;
}

export function FilterBar({
    filters,
    set,
    onClear,
}: {
    filters: Filters;
    set: (change: Partial<Filters>) => void;
    onClear: () => void;
}) {
    const further = FURTHER.filter((name) => filters[name]).length;
    const [open, setOpen] = useState(further > 0);
    return (
        <search class="grant-search">
            <div class="filters">
                <Delayed
                    class="input search"
                    type="search"
                    label="Part of an address, or the beginning of an ID"
                    placeholder="Search address, ID, external ID…"
                    value={filters.search}
                    onValue={(search) => set({ search })}
                />
                <Choice
                    label="Provider"
                    compact
                    value={filters.provider}
                    onValue={(provider) => set({ provider })}
                    options={[
                        ["", "Any provider"],
                        ...PROVIDER_NAMES.map((name) => [name, providerName(name)] as const),
                    ]}
                />
                <button
                    type="button"
                    class="button"
                    aria-expanded={open}
                    aria-controls="further-filters"
                    onClick={() => setOpen(!open)}
                >
                    Filters{further > 0 && ` (${further})`}
                </button>
                {conditions(filters) > 0 && (
                    <button type="button" class="button plain" onClick={onClear}>
                        Clear
                    </button>
                )}
            </div>
            <div id="further-filters" class="card padded further-filters" hidden={!open}>
                {open && <Further filters={filters} set={set} />}
            </div>
        </search>
    );
}

function Further({ filters, set }: { filters: Filters; set: (change: Partial<Filters>) => void }) {
    const workspaces = useLoad((signal) => get<Workspace[]>("/v3/workspaces", {}, signal), []);
    return (
        <>
            <Choice
                label="Trouble"
                value={filters.trouble}
                onValue={(trouble) => set({ trouble })}
                options={[
                    ["", "Any or none"],
                    ...Object.entries(CLASSES).map(([name, { title }]) => [name, title] as const),
                ]}
            />
            <Choice
                label="Workspace"
                value={filters.workspace}
                onValue={(workspace) => set({ workspace })}
                options={[
                    ["", "Any workspace"],
                    ...(workspaces.data ?? []).map(({ workspace_id, name }) => [workspace_id, name] as const),
                    // One of the address, while the names are being loaded.
                    ...(filters.workspace && !workspaces.data
                        ? ([[filters.workspace, filters.workspace]] as const)
                        : []),
                ]}
            />
            <ConnectorChoice value={filters.connector} onValue={(connector) => set({ connector })} />
            <Delayed
                class="input mono"
                label="Connected from IP address"
                shown
                value={filters.ip}
                onValue={(ip) => set({ ip })}
            />
            <TimeField label="Created from" value={filters.since} onValue={(since) => set({ since })} />
            <TimeField label="Created until" value={filters.before} onValue={(before) => set({ before })} />
            <Choice label="Order" value={filters.sort} onValue={(sort) => set({ sort })} options={SORTS} />
            <Choice
                label="Grants per page"
                value={String(sizeOf(filters))}
                onValue={(size) => set({ size: size === "50" ? "" : size })}
                options={SIZES.map((size) => [size, size] as const)}
            />
        </>
    );
}

/** Connectors by the id that events carry as integration_id. */
function ConnectorChoice({ value, onValue }: { value: string; onValue: (value: string) => void }) {
    const connectors = useLoad((signal) => get<Connector[]>("/v3/connectors", { limit: 200 }, signal), []);
    const known = (connectors.data ?? []).map(({ provider }) => [provider, providerName(provider)] as const);
    return (
        <Choice
            label="Connector"
            value={value}
            onValue={onValue}
            options={[
                ["", "Any connector"],
                ...known,
                ...(value && !known.some(([provider]) => provider === value) ? ([[value, value]] as const) : []),
            ]}
        />
    );
}

function TimeField({ label, value, onValue }: { label: string; value: string; onValue: (value: string) => void }) {
    const id = useId();
    return (
        <div class="field">
            <label for={id}>{label}</label>
            <input
                id={id}
                class="input"
                type="datetime-local"
                value={localTime(value)}
                onChange={({ currentTarget: { value } }) =>
                    onValue(value ? String(Math.floor(new Date(value).getTime() / 1000)) : "")
                }
            />
        </div>
    );
}

/** Unix seconds as the value of a datetime-local field, in the reader's zone. */
function localTime(seconds: string): string {
    const at = new Date(Number(seconds) * 1000);
    if (!seconds || Number.isNaN(at.getTime())) {
        return "";
    }
    return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** A field that reports its text when typing pauses. */
function Delayed({
    label,
    shown = false,
    value,
    onValue,
    ...looks
}: {
    label: string;
    /** The label is visible. */
    shown?: boolean;
    value: string;
    onValue: (value: string) => void;
    class: string;
    type?: "search";
    placeholder?: string;
}) {
    const id = useId();
    const [text, setText] = useState(value);
    // When the text returns as `value`, the user may have typed more.
    const sent = useRef(value);
    useEffect(() => {
        if (value !== sent.current) {
            sent.current = value;
            setText(value);
        }
    }, [value]);
    useEffect(() => {
        const wanted = text.trim();
        if (wanted === sent.current) {
            return;
        }
        const timer = setTimeout(() => {
            sent.current = wanted;
            onValue(wanted);
        }, 250);
        return () => clearTimeout(timer);
    }, [text]);
    const input = (
        <input
            {...looks}
            id={id}
            aria-label={shown ? undefined : label}
            value={text}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => setText(event.currentTarget.value)}
        />
    );
    return shown ? (
        <div class="field">
            <label for={id}>{label}</label>
            {input}
        </div>
    ) : (
        input
    );
}
