/** The request in JavaScript for Node: with the official SDK if it has the call, otherwise with fetch. */

import {
    BRACKETS,
    type Call,
    encode,
    KEY_VARIABLE,
    type Literals,
    pathOf,
    pathParameters,
    Secret,
    tokenOf,
    withoutGrantType,
    write,
} from "./call";
import { asked, sdkCall, whyByHand } from "./sdk";

export function node(call: Call): string {
    const { operation } = call;
    const found = sdkCall(asked(call));
    const { signed } = operation.access;
    const lines = found?.node != null ? sdk(call, found.node, found.only) : signed ? byHandSigned(call) : byHand(call);
    const signer = signed ? SIGNER : [];
    const names = [...(found?.node != null ? ["Nylas"] : []), ...(signed ? ["{ ServiceAccountSigner }"] : [])];
    const imports = [
        ...(signed ? ['import { readFileSync } from "node:fs";'] : []),
        ...(names.length > 0 ? [`import ${names.join(", ")} from "nylas";`] : []),
    ];
    const client =
        found?.node != null
            ? [
                  `const nylas = new Nylas(${braced([`apiKey: ${signed ? '"not used here"' : keyOf(call)}`, `apiUri: ${JSON.stringify(call.origin)}`])});`,
              ]
            : [];
    const note = found?.node == null ? [`// ${whyByHand(operation.id)}`] : [];
    const gap = imports.length > 0 ? [""] : [];
    return `${[...note, ...imports, ...gap, ...client, ...signer, ...lines].join("\n")}\n`;
}

const SIGNER = [
    'const account = JSON.parse(readFileSync("service-account.json", "utf8"));',
    "const signer = new ServiceAccountSigner({",
    "  privateKeyPem: account.private_key,",
    "  privateKeyId: account.private_key_id,",
    "});",
];

/** The SDK's names of path parameters that differ from ours in camel case. */
const RENAMED: Record<string, string> = { credential_id: "credentialsId" };

function sdk(call: Call, name: string, only: "query" | "body" | "token" | undefined): string[] {
    const as = literals(call, true);
    const query = Object.fromEntries(call.query);
    let given: string;
    if (only === "query") {
        given = write(query, as);
    } else if (only === "token") {
        given = write(tokenOf(call), as);
    } else if (only === "body") {
        given = write(withoutGrantType(call.body), as);
    } else {
        const parts: string[] = [];
        for (const [parameter, value] of pathParameters(call)) {
            parts.push(`${RENAMED[parameter] ?? camel(parameter)}: ${JSON.stringify(value)}`);
        }
        if (call.query.length > 0) {
            parts.push(`queryParams: ${write(query, as, INDENT)}`);
        }
        if (call.body !== undefined) {
            parts.push(`requestBody: ${write(call.body, as, INDENT)}`);
        }
        if (call.headers.length > 0) {
            const headers = write(Object.fromEntries(call.headers), literals(call, false), INDENT);
            parts.push(`overrides: { headers: ${headers} }`);
        }
        if (call.operation.access.signed) {
            parts.push("signer");
        }
        given = parts.length === 0 && name !== "connectors.list" ? "" : braced(parts);
    }
    return [`const answer = await nylas.${name}(${given});`, "console.log(answer);"];
}

function byHand(call: Call): string[] {
    const as = literals(call, false);
    const parts: string[] = [];
    if (call.operation.method !== "GET") {
        parts.push(`method: ${JSON.stringify(call.operation.method)}`);
    }
    const headers = call.headers.map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
    if (call.body !== undefined) {
        headers.unshift('"Content-Type": "application/json"');
    }
    if (call.operation.access.key) {
        headers.unshift(`Authorization: ${bearer(call)}`);
    }
    if (headers.length > 0) {
        parts.push(`headers: { ${headers.join(", ")} }`);
    }
    if (call.body !== undefined) {
        parts.push(`body: JSON.stringify(${write(call.body, as, INDENT)})`);
    }
    if (call.operation.leads) {
        parts.push('redirect: "manual"');
    }
    const shows = call.operation.leads ? 'answer.headers.get("Location")' : "await answer.json()";
    return [
        `const answer = await fetch(${address(call)}${parts.length > 0 ? `, ${braced(parts)}` : ""});`,
        `console.log(answer.status, ${shows});`,
    ];
}

function byHandSigned(call: Call): string[] {
    const parts = [`method: ${JSON.stringify(call.operation.method)}`, `path: ${JSON.stringify(pathOf(call))}`];
    if (call.body !== undefined) {
        parts.push(`body: ${write(call.body, literals(call, false), INDENT)}`);
    }
    return [
        `const { headers, serializedBody } = signer.buildHeaders(${braced(parts)});`,
        `const answer = await fetch(${address(call)}, {`,
        `  method: ${JSON.stringify(call.operation.method)},`,
        '  headers: { ...headers, "Content-Type": "application/json" },',
        "  body: serializedBody,",
        "});",
        "console.log(answer.status, await answer.json());",
    ];
}

/** The whole URL as source text; a template literal if it contains a secret from the environment. */
function address(call: Call): string {
    const base = call.origin + pathOf(call);
    if (call.query.length === 0) {
        return JSON.stringify(base);
    }
    const hidden = !call.shown && call.query.some(([, value]) => value instanceof Secret);
    const query = call.query.map(([name, value]) => {
        if (!(value instanceof Secret)) {
            return `${encode(name)}=${encode(String(value))}`;
        }
        const inside = hidden ? `\${encodeURIComponent(process.env.${value.name})}` : encode(value.value);
        return `${encode(name)}=${inside}`;
    });
    const whole = `${base}?${query.join("&")}`;
    return hidden ? `\`${whole}\`` : JSON.stringify(whole);
}

const INDENT = "  ";
const WIDE = 64;

function braced(parts: string[]): string {
    const line = `{ ${parts.join(", ")} }`;
    if (parts.length === 0) {
        return "{}";
    }
    return line.length < WIDE && !line.includes("\n")
        ? line
        : `{\n${parts.map((one) => `${INDENT}${one},\n`).join("")}}`;
}

function keyOf(call: Call): string {
    return call.shown && call.key ? JSON.stringify(call.key) : `process.env.${KEY_VARIABLE}`;
}

function bearer(call: Call): string {
    return call.shown && call.key ? JSON.stringify(`Bearer ${call.key}`) : `\`Bearer \${process.env.${KEY_VARIABLE}}\``;
}

/** `sdk`: names in camel case, as the SDK wants them; it turns them back. Only where turning back gives the same. */
function literals(call: Call, sdk: boolean): Literals {
    return {
        ...BRACKETS,
        indent: INDENT,
        gap: " ",
        null: "null",
        true: "true",
        false: "false",
        name: (name) => nameOf(sdk && snake(camel(name)) === name ? camel(name) : name),
        text: (text) => JSON.stringify(text),
        secret: (secret: Secret) => (call.shown ? JSON.stringify(secret.value) : `process.env.${secret.name}`),
    };
}

function nameOf(name: string): string {
    return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

function camel(name: string): string {
    return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function snake(name: string): string {
    return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
