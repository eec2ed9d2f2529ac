/** The part of OpenAPI 3.1 that our /openapi.json uses. */

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
    name: string;
    in: "path" | "query" | "header" | "cookie";
    required?: boolean;
    description?: string;
    schema?: Schema;
    examples?: Record<string, Example>;
}

export interface Example {
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
    headers?: Record<string, { description?: string }>;
    content?: Record<string, Media>;
}

export interface SecurityScheme {
    type: string;
    scheme?: string;
    in?: string;
    name?: string;
    description?: string;
}

export interface Described {
    operationId?: string;
    summary?: string;
    description?: string;
    tags?: string[];
    parameters?: Parameter[];
    requestBody?: { required?: boolean; description?: string; content: Record<string, Media> };
    responses?: Record<string, Answer>;
    security?: Record<string, string[]>[];
}

export interface Document {
    info: { title: string; version: string; summary?: string; description?: string };
    security?: Record<string, string[]>[];
    tags?: { name: string; description?: string }[];
    paths: Record<string, Record<string, Described>>;
    components: {
        schemas?: Defs;
        responses?: Record<string, Answer>;
        securitySchemes?: Record<string, SecurityScheme>;
    };
}
