/** The index of the search, made in the browser from the whole description. */

import MiniSearch, { type SearchResult } from "minisearch";
import { plain } from "../../shared/markdown";
import { words } from "../../shared/send";
import { GUIDE } from "../guide";
import { loadAll } from "../load";
import { component, type Described, type Document, type Schema } from "../openapi";
import { operationsOf, slug } from "../operations";
import { errorTypes } from "../parts/answers";
import { address } from "../route";
import { branches, resolve } from "../schema";

type Kind = "operation" | "field" | "error" | "guide";

export interface Hit {
    name: string;
    /** What it belongs to. */
    where: string;
    /** The part of the description that was found. */
    text: string;
    href: string;
    method: string;
    /** The words of the query as the text spells them. */
    words: string[];
}

export interface Group {
    title: string;
    hits: Hit[];
}

export type Find = (sought: string) => Group[];

interface Entry {
    id: number;
    kind: Kind;
    name: string;
    path: string;
    text: string;
    where: string;
    href: string;
    method: string;
    /** How many operations have it. */
    count: number;
}

const TITLES: Record<Kind, string> = { operation: "Operations", field: "Fields", error: "Errors", guide: "Guide" };
const MOST = 8;

export async function makeFinder(): Promise<Find> {
    const entries = entriesOf(await loadAll());
    const index = new MiniSearch<Entry>({
        fields: ["name", "path", "text"],
        storeFields: ["kind"],
        tokenize: (text) => tokens(text).flatMap(parts),
        searchOptions: {
            tokenize: tokens,
            boost: { name: 6, path: 2 },
            prefix: true,
            combineWith: "AND",
            boostDocument: (_id, _term, stored) => (stored?.kind === "operation" ? 1.5 : 1),
        },
    });
    index.addAll(entries);
    return (sought) => {
        const exact = index.search(sought);
        const found = exact.length > 0 ? exact : index.search(sought, { fuzzy: 0.2 });
        return grouped(found, entries, sought);
    };
}

/** "imap_port", "grant.not_found" and "/v3/grants" are words; so are their parts. */
function tokens(text: string): string[] {
    return text.toLowerCase().match(/[\p{L}\p{N}]+(?:[._-][\p{L}\p{N}]+)*/gu) ?? [];
}

function parts(token: string): string[] {
    const inner = token.split(/[._-]/);
    return inner.length > 1 ? [token, ...inner] : [token];
}

/** Groups in the order of their best results. */
function grouped(found: SearchResult[], entries: Entry[], sought: string): Group[] {
    const groups = new Map<Kind, Hit[]>();
    for (const result of found) {
        const entry = entries[result.id as number];
        if (entry === undefined) {
            continue;
        }
        const hits = groups.get(entry.kind) ?? [];
        groups.set(entry.kind, hits);
        if (hits.length < MOST) {
            hits.push(hit(entry, [...new Set([...tokens(sought), ...result.terms])]));
        }
    }
    return [...groups].map(([kind, hits]) => ({ title: TITLES[kind], hits }));
}

function hit({ name, where, text, href, method, count }: Entry, found: string[]): Hit {
    const more = count > 1 ? `${where} and ${count - 1} more` : where;
    // Longer words first, so that they are marked as a whole.
    const marked = found.sort((a, b) => b.length - a.length);
    return { name, where: more, text: around(text, marked), href, method, words: marked };
}

const LONG = 140;

/** The sentence in which a word stands, or the beginning. */
function around(text: string, found: string[]): string {
    const places = found.map((word) => text.toLowerCase().indexOf(word)).filter((place) => place >= 0);
    const place = places.length > 0 ? Math.min(...places) : 0;
    if (text.length <= LONG || place < LONG - 40) {
        return text.length <= LONG ? text : `${text.slice(0, LONG).trimEnd()}…`;
    }
    const begin = text.lastIndexOf(" ", place - 40) + 1;
    return `…${text.slice(begin, begin + LONG).trimEnd()}${begin + LONG < text.length ? "…" : ""}`;
}

// ── what is found ──────────────────────────────────────────────────────────────────────────────────────────────

function entriesOf(document: Document): Entry[] {
    const found = new Map<string, Omit<Entry, "id">>();
    const add = (key: string, entry: Omit<Entry, "id" | "count">) => {
        const known = found.get(key);
        if (known === undefined) {
            found.set(key, { ...entry, count: 1 });
        } else {
            known.count += 1;
        }
    };
    for (const { id, title, text } of GUIDE) {
        const common = { path: "", method: "", where: "Introduction", href: `#/${id}` };
        add(`guide ${id}`, { kind: "guide", name: title, text: plain(text), ...common });
    }
    for (const [method, path, from] of operationsOf(document)) {
        if (from["x-opengrant-same-as"] === undefined) {
            const text = plain(from.description ?? "").replaceAll(/\s+/g, " ");
            add(`operation ${from.operationId}`, {
                kind: "operation",
                name: plain(from.summary),
                path: `${path} ${from.operationId} ${method} ${from.tags?.join(" ")}`,
                text,
                where: path,
                href: address(from.operationId),
                method,
            });
            addFields(from, document, add);
            addErrors(from, document, add);
        }
    }
    return [...found.values()].map((entry, id) => ({ id, ...entry }));
}

type Add = (key: string, entry: Omit<Entry, "id" | "count">) => void;

function addFields(from: Described, document: Document, add: Add): void {
    const { operationId: id, summary } = from;
    const { schemas: defs = {}, parameters, responses } = document.components ?? {};
    const where = plain(summary);
    for (const one of (from.parameters ?? []).map((parameter) => component(parameter, parameters))) {
        const text = plain(one.description ?? one.schema?.description ?? "");
        const href = address(id, undefined, `${one.in}.${one.name}`);
        add(`${one.in} ${one.name} ${text}`, {
            kind: "field",
            name: one.name,
            path: "",
            text,
            where,
            href,
            method: "",
        });
    }
    const walk = (schema: Schema, path: string, variant: string | undefined, place: string, depth: number) => {
        for (const way of branches(schema, defs)) {
            if (way.type === "array" && way.items && depth < 7) {
                walk(way.items, path, variant, place, depth + 1);
            }
            for (const [name, member] of Object.entries(way.properties ?? {})) {
                const text = plain(resolve(member, defs).description ?? "").replaceAll(/\s+/g, " ");
                const at = `${path}.${name}`;
                add(`field ${name} ${text}`, {
                    kind: "field",
                    name,
                    path: at,
                    text,
                    where: place,
                    href: address(id, variant, at),
                    method: "",
                });
                if (depth < 7) {
                    walk(member, at, variant, place, depth + 1);
                }
            }
        }
    };
    const body = from.requestBody?.content["application/json"]?.schema;
    if (body) {
        const whole = resolve(body, defs);
        const choices = whole.properties === undefined ? whole.oneOf : undefined;
        for (const one of choices ?? [body]) {
            const title = resolve(one, defs).title ?? "";
            walk(one, "body", choices ? slug(title) : undefined, choices ? `${where}, ${title}` : where, 0);
        }
    }
    for (const [status, answer] of Object.entries(from.responses ?? {})) {
        const schema = Object.values(component(answer, responses).content ?? {})[0]?.schema;
        if (Number(status) < 400 && schema) {
            walk(schema, status, undefined, `${where}, answer`, 0);
        }
    }
}

function addErrors(from: Described, document: Document, add: Add): void {
    const { responses } = document.components ?? {};
    for (const [status, answer] of Object.entries(from.responses ?? {})) {
        if (Number(status) < 400) {
            continue;
        }
        for (const { type, meaning } of errorTypes(component(answer, responses).description ?? "")) {
            add(`error ${status} ${type} ${meaning}`, {
                kind: "error",
                name: `${status} ${type}`,
                path: words(Number(status)),
                text: plain(meaning).replaceAll(/\s+/g, " "),
                where: plain(from.summary),
                href: address(from.operationId, undefined, `${status}.${type}`),
                method: "",
            });
        }
    }
}
