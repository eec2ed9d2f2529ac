/** Messages for the findings of the JSON language service: each says what to write instead. */

import type { Defs, Schema } from "../openapi";
import { branches, limits, mustBe } from "../schema";

export interface Said {
    message: string;
    severity: "error" | "warning";
    /** The member that the finding is about, when the service names only the object. */
    about?: string;
}

export function sentence(found: string, path: (string | number)[], schema: Schema | undefined, defs: Defs): Said {
    const name = nameOf(path);
    const missing = /^Missing property "(.+)"/.exec(found)?.[1];
    if (missing !== undefined) {
        return error(`${name} needs \`${missing}\`.`);
    }
    const unknown = /^Property (.+) is not allowed/.exec(found)?.[1];
    if (unknown !== undefined) {
        return {
            message: `\`${unknown}\` is not a field of this request; the server ignores it.`,
            severity: "warning",
        };
    }
    if (found.startsWith("Matches a schema that is not allowed")) {
        const about = branches(schema ?? {}, defs).flatMap((way) => way.not?.required ?? [])[0];
        return about === undefined
            ? error(`${name} is not allowed like this.`)
            : { ...error(`\`${about}\` does not belong here; another variant of this body takes it.`), about };
    }
    if (schema !== undefined && VALUE.test(found)) {
        return error(`${name} must be ${mustBe(schema, defs)}.`);
    }
    if (schema !== undefined && found.startsWith("String does not match the pattern")) {
        return error(`${name} ${patternWords(schema, defs)}.`);
    }
    if (found.startsWith("String is shorter") && branches(schema ?? {}, defs).some((way) => way.minLength === 1)) {
        return error(`${name} must not be empty.`);
    }
    if (schema !== undefined && /^(String is (shorter|longer)|Array has too)/.test(found)) {
        return error(`${name} must have ${limits(schema, defs)}.`);
    }
    if (found.startsWith("Object has fewer properties")) {
        return error(`${name} needs at least one member.`);
    }
    if (found.startsWith("Array has duplicate")) {
        return error(`${name} has the same entry twice.`);
    }
    return error(SYNTAX.find(([pattern]) => pattern.test(found))?.[1] ?? found);
}

const VALUE = /^(Incorrect type|Value is not accepted|Value must be|Value is (above|below)|Matches multiple)/;

const SYNTAX: [RegExp, string][] = [
    [/^Expected comma or closing/, "Something is missing here: a comma before the next entry, or the closing bracket."],
    [/^Expected comma/, "A comma is missing before this."],
    [/^Colon expected/, "A colon is missing between the name and its value."],
    [/^Trailing comma/, "JSON has no comma after the last entry. Take it out."],
    [/^Value expected/, "A value is missing here."],
    [/^Property expected/, 'A name in double quotes is missing here, like "settings".'],
    [/^Property keys must be doublequoted/, 'Names need double quotes, like "settings".'],
    [/^Unexpected end of string/, "The closing double quote is missing."],
    [/^Unexpected end of number|^Invalid number/, "This is not a number as JSON writes them."],
    [/^End of file expected/, "The body ends before this. Take the rest out."],
    [/^Expected a JSON object/, "The body is empty. It must be a JSON object, in { }."],
    [/^Duplicate object key/, "This name is here twice; only the last one counts."],
    [/^Comments are not permitted|^Unexpected end of comment/, "JSON has no comments. Take it out."],
    [/^Invalid (characters|escape|unicode)/, "A backslash or control character here is not written as JSON wants it."],
];

function patternWords(schema: Schema, defs: Defs): string {
    const pattern = branches(schema, defs).find((way) => way.pattern !== undefined)?.pattern ?? "";
    if (/^[\d^$()[\]{}|,+*?-]+$/.test(pattern)) {
        return `must be ${mustBe(schema, defs)}`;
    }
    if (pattern.includes("@]+@")) {
        return "must be an address, like name@example.com";
    }
    if (pattern.includes("x00-\\x20")) {
        return "must have no spaces or control characters";
    }
    if (pattern.includes("x00-\\x1f")) {
        return "must have no control characters, such as line breaks";
    }
    return "has characters that are not allowed here";
}

function nameOf(path: (string | number)[]): string {
    if (path.length === 0) {
        return "The body";
    }
    const from = path.findLastIndex((step) => typeof step === "string");
    const [first, ...indices] = path.slice(from);
    return `\`${first}${indices.map((index) => `[${index}]`).join("")}\``;
}

function error(message: string): Said {
    return { message, severity: "error" };
}
