/** The request for a shell. Secrets come from the environment until they are revealed. */

import { BRACKETS, type Call, http, Secret, SIGNED_HINT, type Text, write } from "./call";

export function curl(call: Call): string {
    const { method, url, headers, body } = http(call);
    const lines = [`curl -sS${method === "GET" ? "" : ` -X ${method}`} ${double(url)}`];
    for (const [name, value] of headers) {
        const text: Text = [`${name}: `, ...value];
        lines.push(`-H ${text.every((part) => typeof part === "string") ? single(text.join("")) : double(text)}`);
    }
    if (body !== undefined) {
        const text = write(
            body,
            {
                ...BRACKETS,
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
    const comment = call.operation.access.signed ? `# ${SIGNED_HINT}\n` : "";
    return comment + lines.join(" \\\n  ");
}

/** In double quotes, with secrets as variables. Addresses and names of headers have no character to be escaped. */
function double(text: Text): string {
    return `"${text.map((part) => (part instanceof Secret ? `$${part.name}` : part)).join("")}"`;
}

function single(text: string): string {
    return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A JSON string within single quotes of the shell. */
function escaped(text: string): string {
    return JSON.stringify(text).replaceAll("'", "'\\''");
}
