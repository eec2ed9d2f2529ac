/** The audit trail. Filters are exact; the page's address contains them. */

import { useEffect, useState } from "preact/hooks";
import { get, page } from "../core/api";
import { useGrowing, useLoad } from "../core/load";
import { here, href, refine } from "../core/route";
import { session } from "../core/session";
import type { ApiKey, AuditEntry } from "../core/wire";
import { actorWords, plain } from "../core/words";
import { TextField } from "../parts/field";
import { Empty, More, Shown } from "../parts/loading";
import { Page } from "../parts/page";
import { Table } from "../parts/table";
import { Moment } from "../parts/time";

export function AuditPage() {
    const { query } = here.value;
    const filter = {
        type: query.get("type") ?? "",
        actor: query.get("actor") ?? "",
        grant_id: query.get("grant_id") ?? "",
    };
    const filtered = Object.values(filter).some(Boolean);
    const list = useGrowing<AuditEntry>(
        (cursor, signal) => page("/v3/audit", { ...filter, limit: 50, page_token: cursor }, signal),
        [query.toString()],
    );
    return (
        <Page title="Audit trail" lead="Who did what in this application. Entries cannot be edited.">
            <Filters filter={filter} />
            <Shown of={list} what="the trail">
                {(entries) =>
                    entries.length ? (
                        <>
                            <EntryTable entries={entries} />
                            <More of={list} />
                        </>
                    ) : (
                        <Empty title={filtered ? "No matching entries" : "No entries yet"}>
                            {filtered && (
                                <p>
                                    Filters are exact.{" "}
                                    <button type="button" class="link" onClick={() => refine({})}>
                                        Show everything
                                    </button>
                                </p>
                            )}
                        </Empty>
                    )
                }
            </Shown>
        </Page>
    );
}

/** API keys by id; only operators may see them. */
function useKeyNames(): Map<string, string> {
    const { operator, application_id } = session.value ?? {};
    const keys = useLoad(
        async (signal) =>
            operator ? get<ApiKey[]>(`/v3/admin/applications/${application_id}/api-keys`, {}, signal) : [],
        [],
    );
    return new Map(keys.data?.map(({ id, name }) => [id, name]));
}

interface Filter {
    type: string;
    actor: string;
    grant_id: string;
}

function Filters({ filter }: { filter: Filter }) {
    const [typed, setTyped] = useState(filter);
    useEffect(() => setTyped(filter), [filter.type, filter.actor, filter.grant_id]);
    const set = (field: keyof Filter) => (value: string) => setTyped((old) => ({ ...old, [field]: value.trim() }));
    return (
        <search>
            <form
                class="card padded audit-filters"
                onSubmit={(event) => {
                    event.preventDefault();
                    refine({ ...typed });
                }}
            >
                <TextField label="What" value={typed.type} onValue={set("type")} placeholder="grant.expired" mono />
                <TextField label="Who" value={typed.actor} onValue={set("actor")} placeholder="key:… or clock" mono />
                <TextField label="Grant" value={typed.grant_id} onValue={set("grant_id")} placeholder="id" mono />
                <div class="actions">
                    <button type="submit" class="button primary">
                        Filter
                    </button>
                    <button
                        type="button"
                        class="button plain"
                        onClick={() => {
                            setTyped({ type: "", actor: "", grant_id: "" });
                            refine({});
                        }}
                    >
                        Clear
                    </button>
                </div>
            </form>
        </search>
    );
}

function EntryTable({ entries }: { entries: AuditEntry[] }) {
    const only = (change: Partial<Filter>) => href(["audit"], { ...change });
    const names = useKeyNames();
    return (
        <Table class="stack dense trail" columns={["When", "What", "Who", "Grant", "Details"]}>
            {entries.map((entry) => (
                <tr key={entry.id}>
                    <td data-label="When">
                        <Moment at={entry.at} />
                    </td>
                    <th scope="row">
                        <a href={only({ type: entry.type })} title="Only entries of this type">
                            <code>{entry.type}</code>
                        </a>
                    </th>
                    <td data-label="Who">
                        {entry.actor && (
                            <a href={only({ actor: entry.actor })} title={`Only what ${entry.actor} did`} class="quiet">
                                {actorWords(entry.actor, names)}
                            </a>
                        )}
                    </td>
                    <td data-label={entry.grant_id && "Grant"}>
                        {entry.grant_id && (
                            <a href={href(["grants", entry.grant_id])} title={entry.grant_id}>
                                <code>{entry.grant_id.slice(0, 8)}…</code>
                            </a>
                        )}
                    </td>
                    <td data-label="Details">
                        <Details entry={entry} />
                    </td>
                </tr>
            ))}
        </Table>
    );
}

function Details({ entry }: { entry: AuditEntry }) {
    const facts = Object.entries(entry.detail);
    return (
        <details>
            <summary>{summary(entry)}</summary>
            <dl class="detail">
                {facts.map(([name, value]) => (
                    <div key={name}>
                        <dt>{plain(name)}</dt>
                        <dd class="break">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
                    </div>
                ))}
                {entry.grant_id && (
                    <div>
                        <dt>Grant</dt>
                        <dd class="break">
                            <a href={href(["grants", entry.grant_id])}>{entry.grant_id}</a>
                        </dd>
                    </div>
                )}
                {entry.request_id && (
                    <div>
                        <dt>Request</dt>
                        <dd class="break">
                            <a href={href(["requests", entry.request_id])}>
                                <code>{entry.request_id}</code>
                            </a>
                        </dd>
                    </div>
                )}
                <div>
                    <dt>Entry</dt>
                    <dd class="break">
                        <code>{entry.id}</code>
                    </dd>
                </div>
            </dl>
        </details>
    );
}

/** The most informative detail. */
function summary({ detail }: AuditEntry): string {
    const words = TELLING.flatMap((name) => detail[name]).filter((one) => typeof one === "string" && one !== "");
    if (words.length) {
        return words.join(", ");
    }
    const [first] = Object.entries(detail).filter(([, value]) => typeof value === "string");
    return first ? `${plain(first[0])} ${String(first[1]).slice(0, 12)}…` : "More";
}

const TELLING = ["provider", "changed", "reason", "note", "domain_address", "kind", "url", "permissions", "means"];
