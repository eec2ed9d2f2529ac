/** /openapi.json as the page shows it: operations in groups, bodies with variants, aliases of an operation merged. */

import { isObject, type Json } from "../shared/json";
import type { Answer, Defs, Described, Document, Media, Parameter, Schema, SecurityScheme } from "./openapi";
import { isSecret, resolve, skeleton } from "./schema";

/** Authentication: `key` API key, `open` none, `signed` a service account's signature, `session` console session. */
export type Access = "key" | "open" | "signed" | "session";

/** One shape of a body. `slug` is its name in links. */
export interface Variant {
    slug: string;
    title: string;
    description: string;
    schema: Schema;
    examples: { title: string; value: Json }[];
}

/** `also`: the same operation under other verbs or paths. `leads`: for browsers; the answer is a redirect. */
export interface Operation {
    id: string;
    method: string;
    path: string;
    tag: string;
    summary: string;
    description: string;
    parameters: Parameter[];
    variants: Variant[];
    bodyRequired: boolean;
    forms: boolean;
    answers: [string, Answer][];
    access: Access;
    leads: boolean;
    also: { id: string; method: string; path: string }[];
}

export interface Api {
    title: string;
    version: string;
    description: string;
    defs: Defs;
    groups: { tag: string; description: string; operations: Operation[] }[];
    /** By operation id, aliases included. */
    byId: Map<string, Operation>;
}

const METHODS = ["get", "post", "put", "patch", "delete"];

export function read(document: Document): Api {
    const defs = document.components.schemas ?? {};
    const all = Object.entries(document.paths).flatMap(([path, methods]) =>
        METHODS.flatMap((method) => {
            const from = methods[method];
            return from === undefined ? [] : [operation(document, defs, path, method, from)];
        }),
    );
    const byId = new Map<string, Operation>();
    const groups = new Map<string, Operation[]>((document.tags ?? []).map((tag) => [tag.name, []]));
    const described = new Map((document.tags ?? []).map((tag) => [tag.name, tag.description ?? ""]));
    for (const made of all) {
        const main = all.find((other) => isSpelling(made, other));
        byId.set(made.id, main ?? made);
        if (main === undefined) {
            groups.set(made.tag, [...(groups.get(made.tag) ?? []), made]);
        } else {
            main.also.push({ id: made.id, method: made.method, path: made.path });
        }
    }
    return {
        title: document.info.title,
        version: document.info.version,
        description: document.info.description ?? "",
        defs,
        groups: [...groups]
            .map(([tag, operations]) => ({ tag, description: described.get(tag) ?? "", operations }))
            .filter((group) => group.operations.length > 0),
        byId,
    };
}

function operation(document: Document, defs: Defs, path: string, method: string, from: Described): Operation {
    const content = from.requestBody?.content ?? {};
    const media = content["application/json"];
    const parameters = from.parameters ?? [];
    return {
        id: from.operationId ?? `${method}_${path}`,
        method: method.toUpperCase(),
        path,
        tag: from.tags?.[0] ?? "Other",
        ...words(from, path),
        parameters,
        variants: media === undefined ? [] : variants(media, defs),
        bodyRequired: from.requestBody?.required ?? false,
        forms: "application/x-www-form-urlencoded" in content,
        answers: Object.entries(from.responses ?? {}).map(([status, answer]) => [
            status,
            document.components.responses?.[answer.$ref?.split("/").at(-1) ?? ""] ?? answer,
        ]),
        access: access(from.security ?? document.security ?? [], document.components.securitySchemes ?? {}),
        leads: Object.keys(from.responses ?? {}).some((status) => status.startsWith("3")),
        also: [],
    };
}

/** The heading is the first sentence of the summary; the rest begins the description. */
function words({ summary, description = "" }: Described, path: string): Pick<Operation, "summary" | "description"> {
    const [first = path, ...rest] = summary?.split(/\.\s+/) ?? [];
    const more = rest.length > 0 ? [`${rest.join(". ")}.`] : [];
    return { summary: first, description: [...more, description].join("\n\n").trim() };
}

/** The server names an alias `<id>_<verb>` or longer; its summary and description are the same. */
function isSpelling(made: Operation, of: Operation): boolean {
    return made.summary === of.summary && made.id.startsWith(`${of.id}_${made.method.toLowerCase()}`);
}

function access(security: Record<string, string[]>[], schemes: Record<string, SecurityScheme>): Access {
    if (security.length === 0 || security.some((way) => Object.keys(way).length === 0)) {
        return "open";
    }
    const ways = security.map((way) => Object.keys(way).map((name) => schemes[name]));
    if (ways.some((way) => way.some((one) => one?.type === "http" && one.scheme === "bearer"))) {
        return "key";
    }
    // A session needs a cookie and a header; a signature needs headers only.
    return ways.some((way) => way.every((one) => one?.in === "header")) ? "signed" : "session";
}

function variants(media: Media, defs: Defs): Variant[] {
    const schema = media.schema ?? {};
    const whole = resolve(schema, defs);
    const choices = (whole.properties === undefined && whole.oneOf) || [schema];
    return choices.map((one) => {
        const key = one.$ref?.split("/").at(-1) ?? "";
        const shape = resolve(one, defs);
        const title = shape.title ?? media.examples?.[key]?.summary ?? key;
        const values = exampleValues(key, shape, media, choices.length === 1);
        const examples = named(values.length > 0 ? values : [skeleton(one, defs)]);
        return { slug: slug(title), title, description: shape.description ?? "", schema: one, examples };
    });
}

/** Examples of one variant: the operation's own by schema name, then those of the schema. */
function exampleValues(key: string, shape: Schema, media: Media, isOnly: boolean): Json[] {
    const own = Object.entries(media.examples ?? {})
        .filter(([name]) => isOnly || name.replace(/_\d+$/, "") === key)
        .map(([, example]) => example.value);
    const found: Json[] = [];
    for (const value of [...own, media.example, ...(shape.examples ?? [])]) {
        if (value !== undefined && !found.some((one) => isSame(one, value))) {
            found.push(value);
        }
    }
    return found;
}

/** Names each example by its difference: the value of a member, or a member that only it has. */
function named(values: Json[]): Variant["examples"] {
    return values.map((value, index) => ({ title: telling(value, values) ?? `Example ${index + 1}`, value }));
}

function telling(value: Json, all: Json[]): string | undefined {
    const others = all.filter((other) => other !== value);
    for (const [name, member] of isObject(value) ? Object.entries(value) : []) {
        if (others.every((other) => isObject(other) && !(name in other))) {
            return name;
        }
        if (typeof member === "string" && others.every((other) => isObject(other) && other[name] !== member)) {
            return member;
        }
    }
    return undefined;
}

/** Ignores the order of members. */
function isSame(a: Json, b: Json): boolean {
    if (Array.isArray(a) && Array.isArray(b)) {
        return a.length === b.length && a.every((item, index) => isSame(item, b[index] ?? null));
    }
    if (isObject(a) && isObject(b)) {
        const other = b;
        const names = Object.keys(a);
        return (
            names.length === Object.keys(b).length &&
            names.every((name) => name in other && isSame(a[name] ?? null, other[name] ?? null))
        );
    }
    return a === b;
}

export function slug(title: string): string {
    return title
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .replace(/^-|-$/g, "");
}

const SECRET_QUERY = new Set(["token", "access_token", "id_token", "refresh_token", "code", "client_secret"]);

/** A query parameter that is a secret, hidden on the screen. */
export function isSecretParameter(parameter: Parameter): boolean {
    return SECRET_QUERY.has(parameter.name) || (parameter.schema !== undefined && isSecret(parameter.schema, {}));
}
