/** Checks a body against its schema with the JSON language service, with our own messages. */

import {
    type ASTNode,
    type Diagnostic,
    getLanguageService,
    type JSONDocument,
    type ObjectASTNode,
    TextDocument,
} from "vscode-json-languageservice";
import type { Json } from "../../shared/json";
import type { Defs, Schema } from "../openapi";
import { at, bundle, type Place } from "../schema";
import { sentence } from "./words";

const URI = "opengrant:/body.json";

export interface Problem {
    from: number;
    to: number;
    severity: "error" | "warning";
    message: string;
}

/** A member that is allowed at the cursor. `follows`: a comma must come after it. */
export interface MemberOffer {
    kind: "member";
    name: string;
    place: Place | undefined;
    follows: boolean;
}

export interface ValueOffer {
    kind: "value";
    text: string;
}

export type Offer = MemberOffer | ValueOffer;

/** The member at an offset: its `path` from the root and its schema. */
export interface Found extends Place {
    path: (string | number)[];
    from: number;
    to: number;
}

export class Brain {
    private readonly service = getLanguageService({});

    constructor(
        private readonly schema: Schema,
        private readonly defs: Defs,
    ) {
        this.service.configure({
            validate: true,
            allowComments: false,
            schemas: [
                { uri: "opengrant:/schema.json", fileMatch: ["*"], schema: strict(bundle(schema, defs)) as object },
            ],
        });
    }

    async problems(text: string): Promise<Problem[]> {
        const { document, json } = this.read(text);
        const found = await this.service.doValidation(document, json, { comments: "error", trailingCommas: "error" });
        const problems = found.map((diagnostic) => this.problem(document, json, diagnostic));
        problems.sort((a, b) => Number(b.severity === "error") - Number(a.severity === "error") || a.from - b.from);
        // One finding for each place; a wrong member is not reported as unknown too.
        return problems.filter(
            (one, index) =>
                problems.findIndex(
                    (other) => other.from === one.from && (other.message === one.message || one.severity === "warning"),
                ) === index,
        );
    }

    async offers(text: string, offset: number): Promise<Offer[]> {
        const { document, json } = this.read(text);
        const position = document.positionAt(offset);
        const list = await this.service.doComplete(document, position, json);
        const path = pathTo(objectAround(json, offset));
        const present = new Set(namesIn(objectAround(json, offset), offset));
        return (list?.items ?? []).flatMap((item): Offer[] => {
            if (item.kind === MEMBER) {
                const known = at(this.schema, this.defs, [...path, item.label]);
                // Members that are forbidden or already present are not offered.
                if (known === undefined || present.has(item.label)) {
                    return [];
                }
                const follows = item.insertText?.trimEnd().endsWith(",") ?? false;
                return [{ kind: "member", name: item.label, place: known, follows }];
            }
            return isScalar(item.label) ? [{ kind: "value", text: item.label }] : [];
        });
    }

    /** The member at the offset, if the schema has it. */
    find(text: string, offset: number): Found | undefined {
        const { json } = this.read(text);
        let node = json.getNodeFromOffset(offset, true);
        if (node?.parent?.type === "property" && node.parent.keyNode === node) {
            node = node.parent;
        }
        if (node === undefined || node.parent === undefined || node.type === "object" || node.type === "array") {
            return undefined;
        }
        const path = pathTo(node);
        const place = at(this.schema, this.defs, path);
        return place && { ...place, path, from: node.offset, to: node.offset + node.length };
    }

    private read(text: string): { document: TextDocument; json: JSONDocument & Nodes } {
        const document = TextDocument.create(URI, "json", 1, text);
        return { document, json: this.service.parseJSONDocument(document) as JSONDocument & Nodes };
    }

    private problem(document: TextDocument, json: JSONDocument & Nodes, diagnostic: Diagnostic): Problem {
        const from = document.offsetAt(diagnostic.range.start);
        const to = document.offsetAt(diagnostic.range.end);
        let node = json.getNodeFromOffset(from, false) ?? json.root;
        // A node may begin where its parent begins; the one that ends where the problem ends is meant.
        while (node?.parent && node.offset === node.parent.offset && node.offset + node.length < to) {
            node = node.parent;
        }
        const path = node === undefined ? [] : pathTo(node);
        const said = sentence(String(diagnostic.message), path, at(this.schema, this.defs, path)?.schema, this.defs);
        const member = said.about === undefined ? undefined : memberOf(node, said.about);
        return {
            from: member?.offset ?? from,
            to: member === undefined ? Math.max(to, from + 1) : member.offset + member.length,
            severity: said.severity,
            message: said.message,
        };
    }
}

const MEMBER = 10; // CompletionItemKind.Property

interface Nodes {
    root?: ASTNode;
    getNodeFromOffset(offset: number, includeRightBound?: boolean): ASTNode | undefined;
}

function isScalar(text: string): boolean {
    try {
        const value = JSON.parse(text) as Json;
        return typeof value !== "object" || value === null;
    } catch {
        return false;
    }
}

/** Names and indices from the root. */
function pathTo(node: ASTNode | undefined): (string | number)[] {
    const path: (string | number)[] = [];
    for (let here = node; here?.parent !== undefined; here = here.parent) {
        if (here.type === "property") {
            path.unshift(here.keyNode.value);
        } else if (here.parent.type === "array") {
            path.unshift(here.parent.items.indexOf(here));
        }
    }
    return path;
}

function objectAround(json: Nodes, offset: number): ObjectASTNode | undefined {
    let node = json.getNodeFromOffset(offset, true);
    if (node?.type === "object" && offset >= node.offset + node.length && node.length > 1) {
        node = node.parent; // after its closing brace
    }
    while (node !== undefined && node.type !== "object") {
        node = node.parent;
    }
    return node;
}

/** Members of the object except the one at the cursor. */
function namesIn(object: ObjectASTNode | undefined, offset: number): string[] {
    return (object?.properties ?? [])
        .filter(({ keyNode }) => offset < keyNode.offset || offset > keyNode.offset + keyNode.length)
        .map(({ keyNode }) => keyNode.value);
}

function memberOf(node: ASTNode | undefined, name: string): ASTNode | undefined {
    return node?.type === "object" ? node.properties.find((one) => one.keyNode.value === name)?.keyNode : undefined;
}

/** Makes the service report members that the server would ignore; most of them are misspelt. */
function strict(schema: unknown): unknown {
    if (Array.isArray(schema)) {
        return schema.map(strict);
    }
    if (typeof schema !== "object" || schema === null) {
        return schema;
    }
    const copy: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(schema)) {
        copy[key] = key === "examples" || key === "default" || key === "enum" ? value : strict(value);
    }
    if (copy.type === "object" && typeof copy.properties === "object" && !("additionalProperties" in copy)) {
        copy.additionalProperties = false;
    }
    return copy;
}
