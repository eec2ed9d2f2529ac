/** Requests of the last day: look one up by its id, or see those that failed. */

import { useEffect, useState } from "preact/hooks";
import { milliseconds } from "../../shared/format";
import { Badge } from "../../shared/parts";
import { get } from "../core/api";
import { useLoad } from "../core/load";
import { go, here, href, refine } from "../core/route";
import type { AnsweredRequest } from "../core/wire";
import { Choice, TextField } from "../parts/field";
import { Empty, Shown } from "../parts/loading";
import { Page, Section } from "../parts/page";
import { Table } from "../parts/table";
import { Moment } from "../parts/time";
import { statusTone } from "./request";

const LIMIT = 100;
const STATUSES = [
    ["", "Any error"],
    ["4xx", "4xx: refused"],
    ["401", "401: key refused"],
    ["404", "404: not found"],
    ["429", "429: too many"],
    ["5xx", "5xx: not served"],
] as const;

export function RequestsPage() {
    const { query } = here.value;
    const filter = {
        status: query.get("status") ?? "",
        error: query.get("error") ?? "",
        grant_id: query.get("grant_id") ?? "",
        route: query.get("route") ?? "",
        api_key_id: query.get("api_key_id") ?? "",
    };
    const filtered = Object.values(filter).some(Boolean);
    const list = useLoad(
        (signal) => get<AnsweredRequest[]>("/v3/requests", { ...filter, limit: LIMIT }, signal),
        [query.toString()],
    );
    return (
        <Page
            title="Requests"
            lead="What became of a request. Requests are kept for a day by default, without bodies."
            actions={
                <button type="button" class="button" disabled={list.loading} onClick={list.reload}>
                    Refresh
                </button>
            }
        >
            <LookUp />
            <Section title="Latest failures" note={`The latest ${LIMIT} requests that were answered with an error.`}>
                <Filters filter={filter} />
                <Shown of={list} what="requests">
                    {(requests) =>
                        requests.length ? (
                            <Failures requests={requests} filter={filter} />
                        ) : (
                            <Empty title={filtered ? "No matching requests" : "No request has failed"}>
                                {filtered && (
                                    <p>
                                        Filters are exact.{" "}
                                        <button type="button" class="link" onClick={() => refine({})}>
                                            Show all failures
                                        </button>
                                    </p>
                                )}
                            </Empty>
                        )
                    }
                </Shown>
            </Section>
        </Page>
    );
}

function LookUp() {
    const [id, setId] = useState("");
    return (
        <search>
            <form
                class="card padded look-up"
                onSubmit={(event) => {
                    event.preventDefault();
                    if (id.trim()) {
                        go(["requests", id.trim()]);
                    }
                }}
            >
                <TextField
                    label="Request ID"
                    value={id}
                    onValue={setId}
                    placeholder="request_id of an answer, or X-Request-Id"
                    required
                    mono
                />
                <button type="submit" class="button primary">
                    Look up
                </button>
            </form>
        </search>
    );
}

interface Filter {
    status: string;
    error: string;
    grant_id: string;
    route: string;
    api_key_id: string;
}

function Filters({ filter }: { filter: Filter }) {
    const [typed, setTyped] = useState(filter);
    useEffect(() => setTyped(filter), Object.values(filter));
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
                <Choice
                    label="Status"
                    value={typed.status}
                    onValue={(status) => refine({ ...typed, status })}
                    options={
                        STATUSES.some(([status]) => status === typed.status)
                            ? STATUSES
                            : [...STATUSES, [typed.status, typed.status] as const]
                    }
                />
                <TextField
                    label="Error"
                    value={typed.error}
                    onValue={set("error")}
                    placeholder="grant.not_found"
                    mono
                />
                <TextField label="Grant" value={typed.grant_id} onValue={set("grant_id")} placeholder="id" mono />
                <div class="actions">
                    <button type="submit" class="button">
                        Filter
                    </button>
                    <button type="button" class="button plain" onClick={() => refine({})}>
                        Clear
                    </button>
                </div>
            </form>
        </search>
    );
}

function Failures({ requests, filter }: { requests: AnsweredRequest[]; filter: Filter }) {
    const only = (change: Partial<Filter>) => href(["requests"], { ...filter, ...change });
    return (
        <Table
            class="stack dense trail"
            columns={["When", "Request", "Status", "Error", { name: "Time taken", class: "number" }]}
        >
            {requests.map((request) => (
                <tr key={request.id}>
                    <td data-label="When">
                        <Moment at={request.at} />
                    </td>
                    <th scope="row">
                        <a href={href(["requests", request.id])}>
                            <code>
                                {request.method} {request.route}
                            </code>
                        </a>
                        <span class="soft second mono">{request.id}</span>
                    </th>
                    <td data-label="Status">
                        <Badge tone={statusTone(request.status)}>{request.status}</Badge>
                    </td>
                    <td data-label="Error">
                        {request.error && (
                            <a
                                class="quiet"
                                href={only({ error: request.error.type })}
                                title="Only requests with this error"
                            >
                                <code>{request.error.type}</code>
                            </a>
                        )}
                    </td>
                    <td data-label="Time taken" class="number">
                        {milliseconds(request.duration_ms)}
                    </td>
                </tr>
            ))}
        </Table>
    );
}
