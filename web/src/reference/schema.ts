/** Reads JSON Schema: describes allowed values in words, finds the schema at a path. */

import type { Json } from "../shared/json";
import type { Defs, Schema } from "./openapi";

/** The schema that a reference names; a description beside the reference takes precedence. */
export function resolve(schema: Schema, defs: Defs): Schema {
    if (schema.$ref === undefined) {
        return schema;
    }
    const { $ref, ...beside } = schema;
    const found = defs[$ref.split("/").at(-1) ?? ""];
    return found === undefined ? beside : { ...resolve(found, defs), ...beside };
}

/** A pattern of one character class, repeated: blank text, which counts as absent, like null. */
const ONLY_BLANKS = /^\^\[[^\]]*\]\*\$$/;

/** The alternatives of a schema; most have one. `null` is left out: omitting the member means the same. */
export function branches(schema: Schema, defs: Defs): Schema[] {
    const whole = resolve(schema, defs);
    const ways = whole.anyOf ?? whole.oneOf;
    // Beside own members, anyOf only says which members go together.
    if (ways === undefined || whole.properties !== undefined) {
        return [whole];
    }
    const found = ways.flatMap((way) => branches(way, defs));
    const real = found.filter((way) => way.type !== "null" && !ONLY_BLANKS.test(way.pattern ?? ""));
    return real.length === 0 ? found : real;
}

export interface Place {
    schema: Schema;
    required: boolean;
}

/** The schema at `path` (names and indices) within `schema`. */
export function at(schema: Schema, defs: Defs, path: readonly (string | number)[]): Place | undefined {
    let here: Place = { schema, required: true };
    for (const step of path) {
        const next = branches(here.schema, defs)
            .map((way) => member(way, step))
            .find((place) => place !== undefined);
        if (next === undefined) {
            return undefined;
        }
        here = next;
    }
    return here;
}

function member(schema: Schema, step: string | number): Place | undefined {
    if (typeof step === "number") {
        return schema.items && { schema: schema.items, required: true };
    }
    const known = schema.properties?.[step];
    if (known !== undefined) {
        return { schema: known, required: schema.required?.includes(step) ?? false };
    }
    const other = schema.additionalProperties;
    return typeof other === "object" ? { schema: other, required: false } : undefined;
}

/** The object in a member, or in an array in that member. */
export function inside(schema: Schema, defs: Defs): Schema | undefined {
    for (const way of branches(schema, defs)) {
        if (way.properties !== undefined && Object.keys(way.properties).length > 0) {
            return way;
        }
        if (way.type === "array" && way.items) {
            return inside(way.items, defs);
        }
    }
    return undefined;
}

/** An example of the field as JSON has it; undefined for objects, and where the only allowed value says it all. */
export function exampleOf(schema: Schema, defs: Defs): string | undefined {
    if (inside(schema, defs) !== undefined || resolve(schema, defs).const !== undefined) {
        return undefined;
    }
    const [first] = [resolve(schema, defs), ...branches(schema, defs)].flatMap((way) => way.examples ?? []);
    return first === undefined ? undefined : JSON.stringify(first);
}

export function isSecret(schema: Schema, defs: Defs): boolean {
    return branches(schema, defs).some((way) => way.format === "password" || way.writeOnly === true);
}

/** A point in brackets is the one of "993.0", which counts as digits too. */
const DIGITS_ONLY = /^[\d^$()[\]{}|,.+*?-]+$/;

/** "string", "integer or string of digits", "array of strings", "google, microsoft or yahoo" as "one of 3 values"… */
export function typeOf(schema: Schema, defs: Defs): string {
    const words = branches(schema, defs).map((way) => {
        if (way.const !== undefined) {
            return JSON.stringify(way.const);
        }
        if (Array.isArray(way.type)) {
            return way.type.filter((type) => type !== "null").join(" or ");
        }
        if (way.type === "array") {
            return `array of ${plural(typeOf(way.items ?? {}, defs))}`;
        }
        if (way.type === "string" && way.pattern !== undefined && DIGITS_ONLY.test(way.pattern)) {
            return "string of digits";
        }
        if (way.format !== undefined && way.format !== "password") {
            return `${way.type ?? "string"} (${way.format})`;
        }
        return way.type ?? (way.enum ? "string" : "any value");
    });
    return [...new Set(words)].join(" or ");
}

function plural(type: string): string {
    return /^(string|integer|number|boolean|object|array)$/.test(type) ? `${type}s` : type;
}

/** The allowed values, or undefined without a list. */
export function allowed(schema: Schema, defs: Defs): Json[] | undefined {
    const ways = branches(schema, defs);
    const values = ways.flatMap((way) => way.enum ?? (way.const === undefined ? [] : [way.const]));
    const closed = ways.every((way) => way.enum !== undefined || way.const !== undefined);
    return closed ? values : undefined;
}

/** "1 to 320 characters", "1 to 65535", "at most 200 entries"; empty when nothing is said. */
export function limits(schema: Schema, defs: Defs): string {
    const said = branches(schema, defs).map((way) => {
        if (way.minimum !== undefined || way.maximum !== undefined) {
            // The smallest and the largest integer of the database are not worth showing.
            const least = way.minimum !== undefined && way.minimum <= -2147483647 ? undefined : way.minimum;
            const most = way.maximum !== undefined && way.maximum >= 2147483647 ? undefined : way.maximum;
            return range(least, most, "");
        }
        if (
            way.type === "string" &&
            (way.minLength ?? 0) + (way.maxLength ?? 0) > 0 &&
            !way.pattern?.includes("[0-9]{")
        ) {
            return range(way.minLength && way.minLength > 1 ? way.minLength : undefined, way.maxLength, " characters");
        }
        return range(way.minItems || undefined, way.maxItems, " entries");
    });
    return [...new Set(said.filter((one) => one !== ""))].join(", ");
}

function range(least: number | undefined, most: number | undefined, unit: string): string {
    if (least !== undefined && most !== undefined) {
        return least === most ? `exactly ${least}${unit}` : `${least} to ${most}${unit}`;
    }
    if (least !== undefined) {
        return `at least ${least}${unit}`;
    }
    return most === undefined ? "" : `at most ${most}${unit}`;
}

/** "must be …": the end of a sentence about a wrong value. */
export function mustBe(schema: Schema, defs: Defs): string {
    const values = allowed(schema, defs);
    if (values !== undefined && values.length > 0) {
        return list(
            values.map((value) => JSON.stringify(value)),
            "or",
        );
    }
    const words = branches(schema, defs).map((way) => {
        switch (way.type) {
            case "integer":
            case "number": {
                const between = limits(way, defs);
                const kind = way.type === "integer" ? "a whole number" : "a number";
                return between === "" ? kind : `${kind} (${between})`;
            }
            case "string":
                return way.pattern !== undefined && DIGITS_ONLY.test(way.pattern)
                    ? "a string of digits"
                    : "a string, in double quotes";
            case "boolean":
                return "true or false";
            case "object":
                return "an object, in { }";
            case "array":
                return `an array of ${plural(typeOf(way.items ?? {}, defs))}, in [ ]`;
            default:
                return typeOf(way, defs);
        }
    });
    return list([...new Set(words)], "or");
}

/** "a", "a or b", "a, b or c". */
export function list(words: readonly string[], last: string): string {
    return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}

/** A value with every required member, for schemas without an example. */
export function skeleton(schema: Schema, defs: Defs): Json {
    const way = branches(schema, defs)[0] ?? {};
    const given = way.examples?.[0] ?? way.const ?? way.default ?? way.enum?.[0];
    if (given !== undefined) {
        return given;
    }
    switch (way.type) {
        case "object": {
            const members = Object.entries(way.properties ?? {});
            const wanted = members.filter(([name]) => way.required?.includes(name));
            return Object.fromEntries(wanted.map(([name, member]) => [name, skeleton(member, defs)]));
        }
        case "array":
            return way.minItems ? [skeleton(way.items ?? {}, defs)] : [];
        case "integer":
        case "number":
            return way.minimum ?? 0;
        case "boolean":
            return false;
        default:
            return "";
    }
}

/** A self-contained schema for the editor: referenced schemas are under `$defs`. */
export function bundle(schema: Schema, defs: Defs): Schema {
    const needed: Defs = {};
    const copy = (from: unknown): unknown => {
        if (Array.isArray(from)) {
            return from.map(copy);
        }
        if (typeof from !== "object" || from === null) {
            return from;
        }
        const made: Record<string, unknown> = {};
        for (const [key, value] of Object.entries(from)) {
            if (key === "$ref" && typeof value === "string") {
                const name = value.split("/").at(-1) ?? "";
                const meant = defs[name];
                if (!(name in needed) && meant !== undefined) {
                    needed[name] = {};
                    needed[name] = copy(meant) as Schema;
                }
                made[key] = `#/$defs/${name}`;
            } else {
                made[key] = copy(value);
            }
        }
        return made;
    };
    const root = copy(schema) as Schema;
    return { ...root, $defs: needed };
}
