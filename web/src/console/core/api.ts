/** Calls of our public API. The browser sends the session cookie; the header proves that our page makes the call. */

import type { TroubleClass } from "./words";

/** A failed call, with the API's message. */
export class Problem extends Error {
    constructor(
        message: string,
        readonly status: number,
        readonly type: string,
        readonly requestId?: string,
        readonly provider?: { class?: TroubleClass; reason?: string; remedy?: string },
    ) {
        super(message);
    }
}

/** One page of a list; `next` is there while there are more. */
export interface Page<T> {
    rows: T[];
    next?: string;
}

interface Envelope {
    request_id?: string;
    data?: unknown;
    next_cursor?: string;
    error?: { type: string; message: string; provider_error?: { opengrant?: Problem["provider"] } };
}

export type Query = Record<string, string | number | boolean | undefined>;

let whenSignedOut = () => {};

/** Sets the function that is called when the session has ended. */
export function onSignedOut(then: () => void): void {
    whenSignedOut = then;
}

export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    return (await send("GET", withQuery(path, query), undefined, signal)).data as T;
}

export async function page<T>(path: string, query?: Query, signal?: AbortSignal): Promise<Page<T>> {
    const { data, next_cursor } = await send("GET", withQuery(path, query), undefined, signal);
    return { rows: data as T[], ...(next_cursor ? { next: next_cursor } : {}) };
}

export async function post<T>(path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    return (await send("POST", path, body, signal)).data as T;
}

/** A file as the body. */
export async function postFile<T>(path: string, query: Query, file: Blob): Promise<T> {
    return (await send("POST", withQuery(path, query), file)).data as T;
}

export async function patch<T>(path: string, body: unknown): Promise<T> {
    return (await send("PATCH", path, body)).data as T;
}

export async function put<T>(path: string, body?: unknown): Promise<T> {
    return (await send("PUT", path, body)).data as T;
}

export async function remove(path: string): Promise<void> {
    await send("DELETE", path);
}

/** A path from its parts, which are encoded. */
export function path(strings: TemplateStringsArray, ...parts: string[]): string {
    return String.raw({ raw: strings }, ...parts.map(encodeURIComponent));
}

function withQuery(path: string, query: Query = {}): string {
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
        if (value !== undefined && value !== "") {
            asked.set(name, String(value));
        }
    }
    return asked.size ? `${path}?${asked}` : path;
}

async function send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Envelope> {
    const isFile = body instanceof Blob;
    let answer: Response;
    try {
        answer = await fetch(path, {
            method,
            credentials: "same-origin",
            headers: {
                "X-OpenGrant-Console": "1",
                ...(body === undefined ? {} : { "Content-Type": isFile ? "application/x-ndjson" : "application/json" }),
            },
            ...(body === undefined ? {} : { body: isFile ? body : JSON.stringify(body) }),
            ...(signal ? { signal } : {}),
        });
    } catch (failure) {
        if (signal?.aborted) {
            throw failure;
        }
        throw new Problem("The server does not answer. Check that it is running, then try again.", 0, "unreachable");
    }
    const envelope = await read(answer);
    if (answer.ok) {
        return envelope;
    }
    const { error } = envelope;
    if (
        answer.status === 401 &&
        !path.startsWith("/v3/console/sessions") &&
        error?.type !== "grant.refresh_token_invalid"
    ) {
        whenSignedOut();
    }
    throw new Problem(
        error?.message ?? `The server answered ${answer.status} and said nothing that can be shown here.`,
        answer.status,
        error?.type ?? "unknown",
        envelope.request_id ?? answer.headers.get("x-request-id") ?? undefined,
        error?.provider_error?.opengrant,
    );
}

async function read(answer: Response): Promise<Envelope> {
    try {
        return (await answer.json()) as Envelope;
    } catch {
        return {}; // a proxy may answer with an HTML page
    }
}
