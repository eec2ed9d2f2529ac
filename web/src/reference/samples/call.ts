/** One request as typed, with its secrets marked. */

import { isObject, type Json } from "../../shared/json";
import type { Defs, Schema } from "../openapi";
import type { Operation } from "../operations";
import { at, isSecret } from "../schema";

export type Scalar = string | number | boolean;

/** A secret: until it is revealed, code reads it from the environment variable `name`. */
export class Secret {
    constructor(
        readonly name: string,
        readonly value: string,
    ) {}
}

/** JSON in which secret strings are marked. */
export type Marked = null | boolean | number | string | Secret | Marked[] | { [name: string]: Marked };

/** `path`: unencoded, by parameter; empty parameters are absent. */
export interface Call {
    operation: Operation;
    origin: string;
    key: string;
    path: Record<string, string>;
    query: [string, Scalar | Secret][];
    headers: [string, string][];
    body: Marked | undefined;
    shown: boolean;
}

export const KEY_VARIABLE = "OPENGRANT_API_KEY";

/** The path with its parameters; a missing one is written in capitals. */
export function pathOf(call: Call): string {
    return call.operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encode(call.path[name] || stand(name)));
}

/** The placeholder of an empty path parameter. */
export function stand(name: string): string {
    return name.toUpperCase();
}

/** The token in the query or the body of a call. */
export function tokenOf({ query, body }: Call): Marked {
    const members = typeof body === "object" && body !== null ? Object.values(body) : [];
    return query[0]?.[1] ?? members[0] ?? "TOKEN";
}

/** The parameters of the path in order, by the SDKs' names: there a grant is named by an identifier, id or address. */
export function pathParameters({ operation, path }: Call): [string, string][] {
    const within = /\/grants\/\{grant_id\}\//.test(operation.path);
    return [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => [
        within && name === "grant_id" ? "identifier" : name,
        path[name] || stand(name),
    ]);
}

/** The SDK's call already contains it. */
export function withoutGrantType(body: Marked | undefined): Marked {
    if (typeof body !== "object" || body === null || Array.isArray(body) || body instanceof Secret) {
        return body ?? {};
    }
    const { grant_type: _, ...rest } = body;
    return rest;
}

/** encodeURIComponent, and characters that a shell would interpret. */
export function encode(value: string): string {
    return encodeURIComponent(value).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The body with its secrets marked as the schema says. Members that are empty are no secrets. */
export function mark(body: Json, schema: Schema, defs: Defs): Marked {
    const names = new Map<string, string>();
    const nameFor = (member: string, value: string): string => {
        const stem =
            member
                .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
                .replace(/\W+/g, "_")
                .toUpperCase() || "SECRET";
        for (let count = 1; ; count += 1) {
            const name = count === 1 ? stem : `${stem}_${count}`;
            const taken = names.get(name);
            if (taken === undefined || taken === value) {
                names.set(name, value);
                return name;
            }
        }
    };
    const walk = (value: Json, path: (string | number)[]): Marked => {
        if (Array.isArray(value)) {
            return value.map((item, index) => walk(item, [...path, index]));
        }
        if (isObject(value)) {
            return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, walk(item, [...path, name])]));
        }
        if (typeof value === "string" && value !== "") {
            const place = at(schema, defs, path);
            if (place !== undefined && isSecret(place.schema, defs)) {
                return new Secret(
                    nameFor(String(path.filter((step) => typeof step === "string").at(-1)), value),
                    value,
                );
            }
        }
        return value;
    };
    return walk(body, []);
}

/** A text of which parts are secrets. */
export type Text = (string | Secret)[];

/** The request as HTTP has it; secrets are left in it only where code reads them from the environment. */
export interface Http {
    method: string;
    /** Secrets in it have to be encoded for a query. */
    url: Text;
    headers: [string, Text][];
    body: Marked | undefined;
}

const SIGNATURE: [string, string][] = [
    ["X-Nylas-Kid", "KID"],
    ["X-Nylas-Timestamp", "TIMESTAMP"],
    ["X-Nylas-Nonce", "NONCE"],
    ["X-Nylas-Signature", "SIGNATURE"],
];

export const SIGNED_HINT = "Each request is signed by a service account. The SDKs for Python and Node sign it for you.";

export function http(call: Call): Http {
    const { operation, shown, key } = call;
    const url: Text = [call.origin + pathOf(call)];
    for (const [index, [name, value]] of call.query.entries()) {
        url.push(`${index === 0 ? "?" : "&"}${encode(name)}=`);
        url.push(value instanceof Secret ? (shown ? encode(value.value) : value) : encode(String(value)));
    }
    const headers: [string, Text][] = [];
    if (operation.access.key) {
        headers.push(["Authorization", ["Bearer ", shown && key ? key : new Secret(KEY_VARIABLE, key)]]);
    } else if (operation.access.signed) {
        headers.push(...SIGNATURE.map(([name, variable]): [string, Text] => [name, [new Secret(variable, "")]]));
    }
    if (call.body !== undefined) {
        headers.push(["Content-Type", ["application/json"]]);
    }
    headers.push(...call.headers.map(([name, value]): [string, Text] => [name, [value]]));
    return {
        method: operation.method,
        url: joined(url),
        headers: headers.map(([n, t]) => [n, joined(t)]),
        body: call.body,
    };
}

/** Neighbouring strings as one. */
function joined(text: Text): Text {
    const made: Text = [];
    for (const part of text) {
        const last = made.at(-1);
        if (typeof part === "string" && typeof last === "string") {
            made[made.length - 1] = last + part;
        } else {
            made.push(part);
        }
    }
    return made;
}

/** The syntax of values in a language. */
export interface Literals {
    indent: string;
    object: [string, string];
    array: [string, string];
    /** Between the name and the value of a member. */
    pair: string;
    /** Inside the brackets of an object on one line. */
    gap: string;
    /** An object without members, where it is written in another way. */
    empty?: string;
    null: string;
    true: string;
    false: string;
    name: (name: string) => string;
    text: (text: string) => string;
    secret: (secret: Secret) => string;
}

/** Of JSON, which most languages share. */
export const BRACKETS: Pick<Literals, "object" | "array" | "pair"> = {
    object: ["{", "}"],
    array: ["[", "]"],
    pair: ": ",
};

const SHORT = 72;

/** The value as source text, on one line if short. `margin`: the indent of further lines. */
export function write(value: Marked, as: Literals, margin = ""): string {
    if (value === null) {
        return as.null;
    }
    if (value instanceof Secret) {
        return as.secret(value);
    }
    if (typeof value === "boolean") {
        return value ? as.true : as.false;
    }
    if (typeof value === "number") {
        return String(value);
    }
    if (typeof value === "string") {
        return as.text(value);
    }
    const inner = margin + as.indent;
    const [open, close] = Array.isArray(value) ? as.array : as.object;
    const parts = Array.isArray(value)
        ? value.map((item) => write(item, as, inner))
        : Object.entries(value).map(([name, item]) => `${as.name(name)}${as.pair}${write(item, as, inner)}`);
    if (parts.length === 0) {
        return (!Array.isArray(value) && as.empty) || open + close;
    }
    const gap = Array.isArray(value) ? "" : as.gap;
    const line = `${open}${gap}${parts.join(", ")}${gap}${close}`;
    if (line.length + margin.length <= SHORT && !line.includes("\n")) {
        return line;
    }
    return `${open}\n${parts.map((part) => `${inner}${part},\n`).join("")}${margin}${close}`;
}
