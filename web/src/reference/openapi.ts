/** The part of OpenAPI 3.1 that our /openapi.json uses. Its own members are described in docs/reference.md. */

import type { Json } from "../shared/json";

export interface Schema {
    $ref?: string;
    $defs?: Record<string, Schema>;
    type?: string | string[];
    title?: string;
    description?: string;
    properties?: Record<string, Schema>;
    required?: string[];
    additionalProperties?: boolean | Schema;
    items?: Schema;
    enum?: Json[];
    const?: Json;
    anyOf?: Schema[];
    oneOf?: Schema[];
    allOf?: Schema[];
    not?: Schema;
    default?: Json;
    examples?: Json[];
    format?: string;
    writeOnly?: boolean;
    pattern?: string;
    minLength?: number;
    maxLength?: number;
    minimum?: number;
    maximum?: number;
    minItems?: number;
    maxItems?: number;
    minProperties?: number;
}

export type Defs = Record<string, Schema>;

export interface Parameter {
    $ref?: string;
    name: string;
    in: "path" | "query" | "header" | "cookie";
    required?: boolean;
    description?: string;
    schema?: Schema;
    examples?: Record<string, Example>;
}

export interface Example {
    $ref?: string;
    summary?: string;
    description?: string;
    value?: Json;
}

export interface Media {
    schema?: Schema;
    example?: Json;
    examples?: Record<string, Example>;
}

export interface Answer {
    $ref?: string;
    description?: string;
    content?: Record<string, Media>;
}

export interface Described {
    operationId: string;
    summary: string;
    description?: string;
    tags?: string[];
    parameters?: Parameter[];
    requestBody?: { required?: boolean; description?: string; content: Record<string, Media> };
    responses?: Record<string, Answer>;
    security?: Record<string, string[]>[];
    "x-opengrant-addition"?: boolean;
    "x-opengrant-limit"?: string;
    "x-opengrant-same-as"?: string;
}

export type Paths = Record<string, Record<string, Described>>;

/** All operations, without their details. */
export interface Index {
    info: { title: string; version: string; summary?: string; description?: string };
    tags?: { name: string; description?: string }[];
    paths: Paths;
}

/** One operation or all, with what they refer to. */
export interface Document {
    paths: Paths;
    components?: {
        schemas?: Defs;
        responses?: Record<string, Answer>;
        examples?: Record<string, Example>;
        parameters?: Record<string, Parameter>;
    };
}

/** The component that a reference names, or the thing itself. */
export function component<T extends { $ref?: string }>(one: T, among: Record<string, T> | undefined): T {
    return (one.$ref && among?.[one.$ref.split("/").at(-1) ?? ""]) || one;
}
