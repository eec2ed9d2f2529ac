/** Sends one request to our own server and measures its answer. */

import { type Json, parse } from "./json";

export interface Ask {
    method: string;
    url: string;
    headers: [string, string][];
    body?: string;
    signal?: AbortSignal;
    /** Send the cookie of the console's session. */
    session?: boolean;
}

/** `ms`: until the whole answer had arrived. `size`: of the body in bytes. `json`: absent when the body is not JSON. */
export interface Answered {
    status: number;
    words: string;
    ms: number;
    size: number;
    headers: [string, string][];
    text: string;
    json?: Json;
}

/** Sends no cookie but that of a session, if asked, and follows no redirect. Throws TypeError without an answer, AbortError when aborted. */
export async function send({ method, url, headers, body, signal, session }: Ask): Promise<Answered> {
    const began = performance.now();
    const answer = await fetch(url, {
        method,
        headers,
        credentials: session ? "same-origin" : "omit",
        redirect: "manual",
        cache: "no-store",
        ...(body !== undefined && { body }),
        ...(signal !== undefined && { signal }),
    });
    const text = await answer.text();
    const json = parse(text);
    return {
        status: answer.status,
        words: words(answer.status),
        ms: Math.round(performance.now() - began),
        size: new TextEncoder().encode(text).length,
        headers: [...answer.headers],
        text,
        ...(json !== undefined && { json }),
    };
}

const WORDS: Record<number, string> = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No content",
    302: "Found",
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    423: "Locked",
    429: "Too many requests",
    500: "Internal error",
    501: "Not implemented",
    503: "Unavailable",
    504: "The provider did not answer",
};

/** HTTP/2 has no reason phrases, so they are listed here. */
export function words(status: number): string {
    return WORDS[status] ?? (status === 0 ? "Redirected" : status < 400 ? "Success" : "Refused");
}
