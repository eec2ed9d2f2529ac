/** One request: what it was, and why it failed. */

import { milliseconds } from "../../shared/format";
import { Badge, Copy, Loading, Notice, type Tone } from "../../shared/parts";
import { get, path } from "../core/api";
import { useLoad } from "../core/load";
import { href } from "../core/route";
import type { AnsweredRequest } from "../core/wire";
import { Facts } from "../parts/facts";
import { Page } from "../parts/page";
import { Moment } from "../parts/time";

export function statusTone(status: number): Tone {
    if (status < 400) {
        return "good";
    }
    return status < 500 ? "warn" : "wrong";
}

export function RequestPage({ id }: { id: string }) {
    const loaded = useLoad((signal) => get<AnsweredRequest>(path`/v3/requests/${id}`, {}, signal), [id]);
    const request = loaded.data;
    return (
        <Page
            title={request ? `${request.method} ${request.route}` : "Request"}
            back={{ href: href(["requests"]), label: "Requests" }}
            lead={request && <Badge tone={statusTone(request.status)}>{request.status}</Badge>}
            actions={
                <button type="button" class="button" disabled={loaded.loading} onClick={loaded.reload}>
                    Refresh
                </button>
            }
        >
            {loaded.problem && (
                <Notice tone={loaded.problem.status === 404 ? "warn" : "wrong"}>
                    <p>{loaded.problem.message}</p>
                    <p class="soft small break">{id}</p>
                </Notice>
            )}
            {!request && !loaded.problem && <Loading what="Looking up the request" />}
            {request?.error && (
                <Notice tone={statusTone(request.status)}>
                    <p>
                        <code>{request.error.type}</code>
                    </p>
                    {request.error.meaning && <p>{request.error.meaning}</p>}
                </Notice>
            )}
            {request && (
                <div class="card padded">
                    <Facts
                        of={[
                            [
                                "Request ID",
                                <span key="id" class="copy-id">
                                    <code>{request.id}</code>
                                    <Copy text={request.id} what="the request ID" />
                                </span>,
                            ],
                            ["Time", <Moment key="at" at={request.at} />],
                            ["Time taken", milliseconds(request.duration_ms)],
                            ["Status", request.status === 499 ? "499: the client hung up" : request.status],
                            ["Error of this server", request.error?.name],
                            [
                                "Grant",
                                request.grant_id && (
                                    <a key="grant" href={href(["grants", request.grant_id])}>
                                        <code>{request.grant_id}</code>
                                    </a>
                                ),
                            ],
                            [
                                "API key",
                                request.api_key_id && (
                                    <a
                                        key="key"
                                        href={href(["requests"], { api_key_id: request.api_key_id })}
                                        title="Failures of this key"
                                    >
                                        <code>{request.api_key_id}</code>
                                    </a>
                                ),
                            ],
                            ["Console session", request.session_id && <code key="session">{request.session_id}</code>],
                            ["Node", <code key="node">{request.node}</code>],
                        ]}
                    />
                </div>
            )}
            {request && (
                <p class="soft small">
                    Bodies, addresses and the error’s message are not kept. The log of the node has more, under the
                    request ID.
                </p>
            )}
        </Page>
    );
}
