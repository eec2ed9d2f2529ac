/** The request for a shell. Secrets come from the environment until they are revealed. */

import { type Call, encode, KEY_VARIABLE, pathOf, Secret, write } from "./call";

export function curl(call: Call): string {
    const { operation } = call;
    const query = call.query
        .map(
            ([name, value]) =>
                `${encode(name)}=${value instanceof Secret ? secretIn(call, value) : encode(String(value))}`,
        )
        .join("&");
    const address = `${call.origin}${pathOf(call)}${query && `?${query}`}`;
    const lines = [`curl -sS${operation.method === "GET" ? "" : ` -X ${operation.method}`} "${address}"`];
    if (operation.access === "key") {
        lines.push(
            `-H ${call.shown && call.key ? single(`Authorization: Bearer ${call.key}`) : `"Authorization: Bearer $${KEY_VARIABLE}"`}`,
        );
    }
    if (operation.access === "signed") {
        for (const [name, variable] of SIGNED) {
            lines.push(`-H "${name}: $${variable}"`);
        }
    }
    for (const [name, value] of call.headers) {
        lines.push(`-H ${single(`${name}: ${value}`)}`);
    }
    if (call.body !== undefined) {
        lines.push(`-H "Content-Type: application/json"`);
        const text = write(
            call.body,
            {
                indent: "  ",
                gap: " ",
                null: "null",
                true: "true",
                false: "false",
                name: escaped,
                text: escaped,
                secret: (secret) => (call.shown ? escaped(secret.value) : `"'"$${secret.name}"'"`),
            },
            "  ",
        );
        lines.push(`-d '${text.replace(/,(\n\s*[}\]])/g, "$1")}'`);
    }
    const comment = operation.access === "signed" ? `# ${SIGNED_HINT}\n` : "";
    return comment + lines.join(" \\\n  ");
}

const SIGNED_HINT = "Each request is signed by a service account; the SDKs do that for you.";
const SIGNED = [
    ["X-Nylas-Kid", "KID"],
    ["X-Nylas-Timestamp", "TIMESTAMP"],
    ["X-Nylas-Nonce", "NONCE"],
    ["X-Nylas-Signature", "SIGNATURE"],
] as const;

function secretIn(call: Call, secret: Secret): string {
    return call.shown ? encode(secret.value) : `$${secret.name}`;
}

/** Quoted for the shell. */
function single(text: string): string {
    return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A JSON string within single quotes of the shell. */
function escaped(text: string): string {
    return JSON.stringify(text).replaceAll("'", "'\\''");
}
