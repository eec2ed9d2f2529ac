/** The request in Python: with the official SDK if it has the call, otherwise with requests. */

import {
    BRACKETS,
    type Call,
    KEY_VARIABLE,
    type Literals,
    type Marked,
    pathOf,
    pathParameters,
    type Secret,
    tokenOf,
    withoutGrantType,
    write,
} from "./call";
import { asked, sdkCall, whyByHand } from "./sdk";

export function python(call: Call): string {
    const { operation } = call;
    const found = sdkCall(asked(call));
    const { signed } = operation.access;
    const made =
        found?.python != null
            ? [...client(call), ...(signed ? SIGNER : []), "", ...sdk(call, found.python, found.only)]
            : [...(signed ? SIGNER : []), ...(signed ? [""] : []), ...(signed ? byHandSigned(call) : byHand(call))];
    const text = made.join("\n");
    const imports = [
        /\bjson\./.test(text) && "import json",
        /\bos\./.test(text) && "import os",
        /\brequests\./.test(text) && "\nimport requests",
        /\bClient\(/.test(text) && `${/\brequests\./.test(text) ? "" : "\n"}from nylas import Client`,
        /\bServiceAccountSigner\(/.test(text) && "from nylas.handler.service_account import ServiceAccountSigner",
    ].filter((line) => line !== false);
    const note = found?.python == null ? `# ${whyByHand(operation.id)}\n` : "";
    return `${note}${imports.join("\n").replace(/^\n/, "")}\n\n${text}\n`;
}

const SIGNER = [
    'account = json.load(open("service-account.json"))',
    'signer = ServiceAccountSigner(account["private_key"], account["private_key_id"])',
];

function client(call: Call): string[] {
    const { signed } = call.operation.access;
    const key = signed ? '"not used here"' : keyOf(call);
    return [`nylas = Client(${spread([`api_key=${key}`, `api_uri=${JSON.stringify(call.origin)}`])})`];
}

function sdk(call: Call, name: string, only: "query" | "body" | "token" | undefined): string[] {
    const as = literals(call);
    const given: string[] = [];
    const query: Marked = Object.fromEntries(call.query);
    if (only === "query") {
        given.push(write(query, as, ""));
    } else if (only === "token") {
        given.push(write(tokenOf(call), as));
    } else if (only === "body") {
        given.push(write(withoutGrantType(call.body), as, ""));
    } else {
        given.push(...pathParameters(call).map(([, value]) => JSON.stringify(value)));
        if (call.query.length > 0) {
            given.push(`query_params=${write(query, as, INDENT)}`);
        }
        if (call.body !== undefined) {
            given.push(`request_body=${write(call.body, as, INDENT)}`);
        }
        if (call.headers.length > 0) {
            given.push(`overrides=${write({ headers: Object.fromEntries(call.headers) }, as, INDENT)}`);
        }
        if (call.operation.access.signed) {
            given.push("signer=signer");
        }
    }
    return [`answer = nylas.${name}(${spread(given)})`, "print(answer)"];
}

function byHand(call: Call): string[] {
    const as = literals(call);
    const given = [JSON.stringify(call.origin + pathOf(call))];
    const headers = Object.entries(Object.fromEntries(call.headers)).map(
        ([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`,
    );
    if (call.operation.access.key) {
        headers.unshift(`"Authorization": ${bearer(call)}`);
    }
    if (headers.length > 0) {
        given.push(`headers={${headers.join(", ")}}`);
    }
    if (call.query.length > 0) {
        given.push(`params=${write(Object.fromEntries(call.query), as, INDENT)}`);
    }
    if (call.body !== undefined) {
        given.push(`json=${write(call.body, as, INDENT)}`);
    }
    if (call.operation.leads) {
        given.push("allow_redirects=False");
    }
    const shows = call.operation.leads ? 'answer.headers.get("Location")' : "answer.json()";
    return [
        `answer = requests.${call.operation.method.toLowerCase()}(${spread(given)})`,
        `print(answer.status_code, ${shows})`,
    ];
}

function byHandSigned(call: Call): string[] {
    const as = literals(call);
    const given = [JSON.stringify(call.operation.method), JSON.stringify(pathOf(call))];
    if (call.body !== undefined) {
        given.push(write(call.body, as, INDENT));
    }
    const address = JSON.stringify(call.origin + pathOf(call));
    return [
        `headers, body = signer.build_headers(${spread(given)})`,
        `headers["Content-Type"] = "application/json"`,
        `answer = requests.request(${JSON.stringify(call.operation.method)}, ${address}, headers=headers, data=body)`,
        "print(answer.status_code, answer.json())",
    ];
}

const INDENT = "    ";
const WIDE = 64;

/** Arguments: on one line if they fit, otherwise one a line. */
function spread(given: string[]): string {
    const line = given.join(", ");
    if (given.length === 1 && /^[{[]/.test(line)) {
        return line;
    }
    return line.length < WIDE && !line.includes("\n") ? line : `\n${given.map((one) => `${INDENT}${one},\n`).join("")}`;
}

function keyOf(call: Call): string {
    return call.shown && call.key ? JSON.stringify(call.key) : `os.environ["${KEY_VARIABLE}"]`;
}

function bearer(call: Call): string {
    return call.shown && call.key ? JSON.stringify(`Bearer ${call.key}`) : `"Bearer " + os.environ["${KEY_VARIABLE}"]`;
}

function literals(call: Call): Literals {
    return {
        ...BRACKETS,
        indent: INDENT,
        gap: "",
        null: "None",
        true: "True",
        false: "False",
        name: (name) => JSON.stringify(name),
        text: (text) => JSON.stringify(text),
        secret: (secret: Secret) => (call.shown ? JSON.stringify(secret.value) : `os.environ["${secret.name}"]`),
    };
}
