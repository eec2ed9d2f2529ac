/** The API as the page shows it: operations in groups, bodies with variants, aliases of an operation merged. */

import { isObject, type Json } from "../shared/json";
import {
    type Answer,
    component,
    type Defs,
    type Described,
    type Document,
    type Example,
    type Index,
    type Media,
    type Parameter,
    type Schema,
} from "./openapi";
import { isSecret, resolve, skeleton } from "./schema";

/**
 * Who may call.
 *
 * key         an API key
 * token       the access token of a grant
 * session     a session of the console, for operators only if `operator`
 * signed      a request that a service account signs
 * permission  what the key, the session or the service account has to be allowed
 */
export interface Access {
    key: boolean;
    token: boolean;
    session: boolean;
    operator: boolean;
    signed: boolean;
    permission: string | undefined;
}

/** An operation in the list. `also`: the same operation under other verbs or paths. */
export interface Entry {
    id: string;
    method: string;
    path: string;
    tag: string;
    name: string;
    access: Access;
    addition: boolean;
    limit: string | undefined;
    also: { id: string; method: string; path: string }[];
}

/** One shape of a body. `slug` is its name in links, `key` that of its schema. */
export interface Variant {
    slug: string;
    key: string;
    title: string;
    description: string;
    schema: Schema;
    examples: { title: string; value: Json }[];
}

/** An answer. Examples of errors have the type of the error as their title, those of variants the variant's key. */
export interface Status {
    status: number;
    description: string;
    schema: Schema | undefined;
    /** The answer is a file. */
    binary: boolean;
    examples: { title: string; value: Json }[];
}

/** An operation with its details. `leads`: it is for browsers, and the answer is a redirect. */
export interface Operation extends Entry {
    description: string;
    parameters: Parameter[];
    variants: Variant[];
    bodyRequired: boolean;
    forms: boolean;
    answers: Status[];
    leads: boolean;
    defs: Defs;
}

export interface Api {
    title: string;
    version: string;
    description: string;
    groups: { tag: string; description: string; operations: Entry[] }[];
    /** By operation id, aliases included. */
    byId: Map<string, Entry>;
}

const METHODS = ["get", "post", "put", "patch", "delete"];

/** All operations of a document, with verb and path. */
export function operationsOf({ paths }: Pick<Document, "paths">): [string, string, Described][] {
    return Object.entries(paths).flatMap(([path, methods]) =>
        METHODS.flatMap((method): [string, string, Described][] => {
            const from = methods[method];
            return from === undefined ? [] : [[method.toUpperCase(), path, from]];
        }),
    );
}

export function readIndex(index: Index): Api {
    const byId = new Map<string, Entry>();
    const groups = new Map<string, Entry[]>((index.tags ?? []).map((tag) => [tag.name, []]));
    const described = new Map((index.tags ?? []).map((tag) => [tag.name, tag.description ?? ""]));
    const all = operationsOf(index);
    for (const [method, path, from] of all.filter(([, , from]) => from["x-opengrant-same-as"] === undefined)) {
        const made = entry(method, path, from);
        byId.set(made.id, made);
        groups.set(made.tag, [...(groups.get(made.tag) ?? []), made]);
    }
    for (const [method, path, from] of all) {
        const main = byId.get(from["x-opengrant-same-as"] ?? "");
        if (main !== undefined) {
            byId.set(from.operationId, main);
            main.also.push({ id: from.operationId, method, path });
        }
    }
    return {
        title: index.info.title,
        version: index.info.version,
        description: index.info.description ?? "",
        groups: [...groups]
            .map(([tag, operations]) => ({ tag, description: described.get(tag) ?? "", operations }))
            .filter((group) => group.operations.length > 0),
        byId,
    };
}

function entry(method: string, path: string, from: Described): Entry {
    return {
        id: from.operationId,
        method,
        path,
        tag: from.tags?.[0] ?? "Other",
        name: from.summary,
        access: access(from.security ?? []),
        addition: from["x-opengrant-addition"] ?? false,
        limit: from["x-opengrant-limit"],
        also: [],
    };
}

/** The details of an operation, from a document that has them. */
export function readOperation(about: Entry, document: Document): Operation {
    const from = operationsOf(document).find(([, , one]) => one.operationId === about.id)?.[2];
    if (from === undefined) {
        throw new Error(`The description lacks ${about.id}.`);
    }
    const { components = {} } = document;
    const defs = components.schemas ?? {};
    const content = from.requestBody?.content ?? {};
    const media = content["application/json"];
    return {
        ...about,
        description: from.description ?? "",
        parameters: (from.parameters ?? []).map((one) => component(one, components.parameters)),
        variants: media === undefined ? [] : variants(media, defs, components.examples),
        bodyRequired: from.requestBody?.required ?? false,
        forms: "application/x-www-form-urlencoded" in content,
        answers: Object.entries(from.responses ?? {}).map(([status, answer]) =>
            readStatus(Number(status), component(answer, components.responses), defs, components.examples),
        ),
        leads: Object.keys(from.responses ?? {}).some((status) => status.startsWith("3")),
        defs,
    };
}

function readStatus(status: number, answer: Answer, defs: Defs, examples: Record<string, Example> | undefined): Status {
    const [media] = Object.values(answer.content ?? {});
    const binary = media?.schema?.format === "binary";
    const given = Object.entries(media?.examples ?? {}).map(([name, one]) => ({
        title: unnumbered(name),
        value: component(one, examples).value ?? null,
    }));
    const made = media?.schema === undefined || binary || given.length > 0 ? [] : [skeleton(media.schema, defs)];
    return {
        status,
        description: answer.description ?? "",
        schema: media?.schema,
        binary,
        examples: [...given, ...made.map((value) => ({ title: "", value }))],
    };
}

function access(security: Record<string, string[]>[]): Access {
    const by = (scheme: string) => security.find((way) => scheme in way);
    const session = by("consoleSession");
    const signed = by("signatureKid");
    const roles = [
        ...(by("apiKey")?.apiKey ?? []),
        ...(signed?.signatureKid ?? []),
        ...(session?.consoleSession ?? []),
    ];
    return {
        key: by("apiKey") !== undefined,
        token: by("accessToken") !== undefined,
        session: session !== undefined,
        operator: signed !== undefined || (session?.consoleSession ?? []).includes("operator"),
        signed: signed !== undefined,
        permission: roles.find((role) => role !== "operator" && role !== "all"),
    };
}

export function isOpen({ key, token, session, signed }: Access): boolean {
    return !key && !token && !session && !signed;
}

function variants(media: Media, defs: Defs, shared: Record<string, Example> | undefined): Variant[] {
    const schema = media.schema ?? {};
    const whole = resolve(schema, defs);
    const choices = (whole.properties === undefined && whole.oneOf) || [schema];
    return choices.map((one) => {
        const key = one.$ref?.split("/").at(-1) ?? "";
        const shape = resolve(one, defs);
        const own = Object.entries(media.examples ?? {})
            .filter(([name]) => choices.length === 1 || unnumbered(name) === key)
            .map(([, example]) => component(example, shared));
        const title = shape.title ?? own[0]?.summary ?? key;
        const values = distinct([...own.map((example) => example.value), media.example, ...(shape.examples ?? [])]);
        const examples = named(values.length > 0 ? values : [skeleton(one, defs)]);
        return { slug: slug(title), key, title, description: shape.description ?? "", schema: one, examples };
    });
}

/** Further examples of a variant have its key and a number. */
function unnumbered(name: string): string {
    return name.replace(/_\d+$/, "");
}

function distinct(values: (Json | undefined)[]): Json[] {
    const found: Json[] = [];
    for (const value of values) {
        if (value !== undefined && !found.some((one) => isSame(one, value))) {
            found.push(value);
        }
    }
    return found;
}

/** Names each example by its difference: the value of a member, or a member that only it has. */
function named(values: Json[]): Variant["examples"] {
    return values.map((value, index) => ({ title: difference(value, values) ?? `Example ${index + 1}`, value }));
}

function difference(value: Json, all: Json[]): string | undefined {
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
