/** Makes a request from the inputs: to send, and to show as code. */

import { parse } from "../shared/json";
import type { Ask } from "../shared/send";
import type { Parameter } from "./openapi";
import { isSecretParameter, type Operation, type Variant } from "./operations";
import { type Call, encode, mark, type Scalar, Secret, stand } from "./samples/call";
import { branches } from "./schema";
import { PROOF } from "./session";

export interface Typed {
    operation: Operation;
    variant: Variant | undefined;
    fields: Record<string, string>;
    text: string;
    key: string;
    /** The session of the console stands for a key. */
    session: boolean;
}

export function fieldKey(parameter: Parameter): string {
    return `${parameter.in}:${parameter.name}`;
}

/** The values of the inputs; a required parameter with a single allowed value is filled in at first. */
export function filledIn(fields: Record<string, string>, parameter: Parameter): string {
    const only = parameter.required ? parameter.schema?.const : undefined;
    return fields[fieldKey(parameter)] ?? (only === undefined ? "" : String(only));
}

/** Required parameters that are empty. */
export function missing({ operation, fields }: Typed): Parameter[] {
    return operation.parameters.filter(
        (parameter) => (parameter.required || parameter.in === "path") && filledIn(fields, parameter) === "",
    );
}

/** The request to send. The body is sent exactly as typed. */
export function ask(typed: Typed): Ask {
    const { operation, fields, text, key, session } = typed;
    const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) =>
        encodeURIComponent(fields[`path:${name}`] ?? ""),
    );
    const query = given(typed, "query").map(([{ name }, value]) => `${encode(name)}=${encode(value)}`);
    const headers: [string, string][] = given(typed, "header").map(([{ name }, value]) => [name, value]);
    if (session) {
        headers.push(PROOF);
    } else if (key !== "" && operation.access.key) {
        headers.push(["Authorization", `Bearer ${key}`]);
    }
    const bodied = operation.variants.length > 0 && text.trim() !== "";
    if (bodied) {
        headers.push(["Content-Type", "application/json"]);
    }
    const url = path + (query.length > 0 ? `?${query.join("&")}` : "");
    return { method: operation.method, url, headers, session, ...(bodied && { body: text }) };
}

/** The request to show as code. `undefined` while the body is not JSON. */
export function call(typed: Typed, origin: string, shown: boolean): Call | undefined {
    const { operation, variant, text, key, fields } = typed;
    const bodied = variant !== undefined && text.trim() !== "";
    const body = bodied ? parse(text) : undefined;
    if (bodied && body === undefined) {
        return undefined;
    }
    return {
        operation,
        origin,
        key,
        shown,
        path: Object.fromEntries(
            operation.parameters
                .filter((one) => one.in === "path")
                .map((one) => [one.name, fields[fieldKey(one)] || exampleOf(one)]),
        ),
        query: operation.parameters
            .filter((one) => one.in === "query")
            .flatMap((one): [string, Scalar | Secret][] => {
                const value = filledIn(fields, one);
                if (value !== "") {
                    const isSecret = isSecretParameter(one);
                    return [
                        [
                            one.name,
                            isSecret ? new Secret(one.name.toUpperCase(), value) : scalar(one, value, operation.defs),
                        ],
                    ];
                }
                return one.required ? [[one.name, exampleOf(one) || stand(one.name)]] : [];
            }),
        headers: given(typed, "header").map(([{ name }, value]) => [name, value]),
        body: body === undefined || variant === undefined ? undefined : mark(body, variant.schema, operation.defs),
    };
}

/** What stands in code for a parameter that has not been filled in. */
function exampleOf({ examples, schema }: Parameter): string {
    const value = Object.values(examples ?? {})[0]?.value ?? schema?.examples?.[0] ?? schema?.enum?.[0];
    return value === undefined ? "" : String(value);
}

function given({ operation, fields }: Typed, where: Parameter["in"]): [Parameter, string][] {
    return operation.parameters
        .filter((parameter) => parameter.in === where)
        .map((parameter): [Parameter, string] => [parameter, filledIn(fields, parameter)])
        .filter(([, value]) => value !== "");
}

function scalar(parameter: Parameter, value: string, defs: Operation["defs"]): Scalar {
    const types = branches(parameter.schema ?? {}, defs).map((way) => way.type);
    if (types.includes("boolean") && /^(true|false)$/.test(value)) {
        return value === "true";
    }
    return (types.includes("integer") || types.includes("number")) && /^-?\d{1,15}$/.test(value)
        ? Number(value)
        : value;
}
