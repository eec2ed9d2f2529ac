/** The request in Ruby: with the official SDK if it has the call, otherwise with net/http. */

import {
    type Call,
    http,
    KEY_VARIABLE,
    type Literals,
    pathParameters,
    Secret,
    SIGNED_HINT,
    type Text,
    tokenOf,
    withoutGrantType,
    write,
} from "./call";
import { asked, sdkCall, whyByHand } from "./sdk";

export function ruby(call: Call): string {
    const found = sdkCall(asked(call));
    if (found?.ruby && call.headers.length === 0) {
        return sdk(call, found.ruby, found.only);
    }
    return byHand(call);
}

function sdk(call: Call, name: string, only: "query" | "body" | "token" | undefined): string {
    const as = literals(call, true);
    const given: string[] = [];
    if (only === "query") {
        given.push(write(Object.fromEntries(call.query), as));
    } else if (only === "token") {
        given.push(write(tokenOf(call), as));
    } else if (only === "body") {
        given.push(write(withoutGrantType(call.body), as));
    } else if (name === "auth.custom_authentication") {
        given.push(write(call.body ?? {}, as));
    } else {
        for (const [parameter, value] of pathParameters(call)) {
            given.push(`${parameter}: ${quoted(value)}`);
        }
        if (call.query.length > 0) {
            given.push(`query_params: ${write(Object.fromEntries(call.query), as, INDENT)}`);
        }
        if (call.body !== undefined) {
            given.push(`request_body: ${write(call.body, as, INDENT)}`);
        }
    }
    const key = call.shown && call.key ? quoted(call.key) : fetched(new Secret(KEY_VARIABLE, ""));
    return [
        'require "nylas"',
        "",
        `nylas = Nylas::Client.new(${spread([`api_key: ${key}`, `api_uri: ${quoted(call.origin)}`])})`,
        `answer = nylas.${name}${given.length === 0 ? "" : `(${spread(given)})`}`,
        "p answer",
        "",
    ].join("\n");
}

function byHand(call: Call): string {
    const { method, url, headers, body } = http(call);
    const kind = method.charAt(0) + method.slice(1).toLowerCase();
    const lines = [
        `uri = URI(${address(url)})`,
        `request = Net::HTTP::${kind}.new(uri)`,
        ...headers.map(([name, value]) => `request[${quoted(name)}] = ${interpolated(value, fetched)}`),
    ];
    if (body !== undefined) {
        lines.push(`request.body = JSON.generate(${write(body, literals(call, false))})`);
    }
    lines.push(
        'answer = Net::HTTP.start(uri.host, uri.port, use_ssl: uri.scheme == "https") { |http| http.request(request) }',
        call.operation.leads ? 'puts answer.code, answer["Location"]' : "puts answer.code, answer.body",
    );
    return [
        `# ${call.operation.access.signed ? SIGNED_HINT : whyByHand(call.operation.id)}`,
        ...(body === undefined ? [] : ['require "json"']),
        'require "net/http"',
        "",
        ...lines,
        "",
    ].join("\n");
}

const INDENT = "  ";
const WIDE = 72;

function spread(given: string[]): string {
    const line = given.join(", ");
    if (given.length === 1 && line.startsWith("{")) {
        return line;
    }
    return line.length < WIDE && !line.includes("\n")
        ? line
        : `\n${given.map((one) => `${INDENT}${one}`).join(",\n")}\n`;
}

const fetched = (secret: Secret) => `ENV.fetch(${quoted(secret.name)})`;

function address(url: Text): string {
    return interpolated(url, (secret) => `URI.encode_www_form_component(${fetched(secret)})`);
}

function interpolated(text: Text, secret: (one: Secret) => string): string {
    return text.length === 1 && text[0] instanceof Secret
        ? secret(text[0])
        : `"${text.map((part) => (part instanceof Secret ? `#{${secret(part)}}` : quoted(part).slice(1, -1))).join("")}"`;
}

/** In double quotes, where `#` may begin an interpolation. */
function quoted(text: string): string {
    return JSON.stringify(text).replaceAll("#", "\\#");
}

/** `sdk`: names as symbols. */
function literals(call: Call, sdk: boolean): Literals {
    return {
        indent: INDENT,
        object: ["{", "}"],
        array: ["[", "]"],
        pair: sdk ? ": " : " => ",
        gap: " ",
        null: "nil",
        true: "true",
        false: "false",
        name: (name) => (sdk && /^[a-z_]\w*$/i.test(name) ? name : quoted(name)),
        text: quoted,
        secret: (secret) => (call.shown ? quoted(secret.value) : fetched(secret)),
    };
}
