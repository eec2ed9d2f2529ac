/** The request in PHP, with its own curl functions. */

import { type Call, http, type Literals, Secret, SIGNED_HINT, type Text, write } from "./call";

export function php(call: Call): string {
    const { method, url, headers, body } = http(call);
    const options = ["CURLOPT_RETURNTRANSFER => true"];
    if (method !== "GET") {
        options.unshift(`CURLOPT_CUSTOMREQUEST => ${quoted(method)}`);
    }
    if (headers.length > 0) {
        const lines = headers.map(([name, value]) => `        ${sum([`${name}: `, ...value], getenv)},\n`);
        options.push(`CURLOPT_HTTPHEADER => [\n${lines.join("")}    ]`);
    }
    if (body !== undefined) {
        options.push(`CURLOPT_POSTFIELDS => json_encode(${write(body, literals(call), INDENT)})`);
    }
    const shows = call.operation.leads ? "curl_getinfo($request, CURLINFO_REDIRECT_URL)" : "$answer";
    return [
        "<?php",
        ...(call.operation.access.signed ? [`// ${SIGNED_HINT}`] : []),
        `$request = curl_init(${address(url)});`,
        "curl_setopt_array($request, [",
        ...options.map((option) => `${INDENT}${option},`),
        "]);",
        "$answer = curl_exec($request);",
        `echo curl_getinfo($request, CURLINFO_RESPONSE_CODE), " ", ${shows}, PHP_EOL;`,
        "",
    ].join("\n");
}

const INDENT = "    ";
const getenv = (secret: Secret) => `getenv(${quoted(secret.name)})`;

function address(url: Text): string {
    return sum(url, (secret) => `urlencode(${getenv(secret)})`);
}

function sum(text: Text, secret: (one: Secret) => string): string {
    const parts: string[] = [];
    let plain = "";
    for (const part of text) {
        if (part instanceof Secret) {
            parts.push(...(plain === "" ? [] : [quoted(plain)]), secret(part));
            plain = "";
        } else {
            plain += part;
        }
    }
    return [...parts, ...(plain === "" ? [] : [quoted(plain)])].join(" . ");
}

/** In single quotes, where nothing but these two characters is special. */
function quoted(text: string): string {
    return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

function literals(call: Call): Literals {
    return {
        indent: INDENT,
        object: ["[", "]"],
        array: ["[", "]"],
        pair: " => ",
        gap: "",
        empty: "new stdClass()",
        null: "null",
        true: "true",
        false: "false",
        name: quoted,
        text: quoted,
        secret: (secret) => (call.shown ? quoted(secret.value) : getenv(secret)),
    };
}
