/** The request in Java: with the official SDK if it has the call, otherwise with java.net.http. */

import { isObject } from "../../shared/json";
import {
    BRACKETS,
    type Call,
    http,
    KEY_VARIABLE,
    type Marked,
    pathParameters,
    Secret,
    SIGNED_HINT,
    type Text,
    write,
} from "./call";
import { asked, sdkCall, whyByHand } from "./sdk";

export function java(call: Call): string {
    const found = sdkCall(asked(call));
    const isPlain = call.headers.length === 0 && call.query.length === 0;
    const made =
        found?.java && isPlain
            ? found.java === "auth().customAuthentication"
                ? customAuthentication(call)
                : call.body === undefined
                  ? sdk(call, found.java)
                  : undefined
            : undefined;
    return made ?? byHand(call);
}

const INDENT = "    ";
const quoted = (text: string) => JSON.stringify(text);
const getenv = (secret: Secret) => `System.getenv(${quoted(secret.name)})`;

function program(imports: string[], note: string, lines: string[], raises: string): string {
    return [
        ...(note ? [`// ${note}`] : []),
        ...imports.sort().map((name) => `import ${name};`),
        "",
        "public class Example {",
        `${INDENT}public static void main(String[] args) throws ${raises} {`,
        ...lines.map((line) => (line === "" ? "" : INDENT.repeat(2) + line)),
        `${INDENT}}`,
        "}",
        "",
    ].join("\n");
}

function client(call: Call): string[] {
    const key = call.shown && call.key ? quoted(call.key) : getenv(new Secret(KEY_VARIABLE, ""));
    return [
        `NylasClient nylas = new NylasClient.Builder(${key})`,
        `${INDENT}.apiUri(${quoted(call.origin)})`,
        `${INDENT}.build();`,
    ];
}

function sdk(call: Call, name: string): string {
    const given = pathParameters(call).map(([, value]) => quoted(value));
    const lines = [...client(call), `var answer = nylas.${name}(${given.join(", ")});`, "System.out.println(answer);"];
    return program(["com.nylas.NylasClient"], "", lines, "Exception");
}

/** The providers that the SDK knows. */
const PROVIDERS = ["google", "microsoft", "imap", "virtual-calendar", "icloud", "ews"];

/** undefined where the SDK's request cannot say all that this body says. */
function customAuthentication(call: Call): string | undefined {
    const { body } = call;
    if (!isObject(body)) {
        return undefined;
    }
    const { provider, settings, state, ...rest } = body as Record<string, Marked>;
    const isKnown = typeof provider === "string" && PROVIDERS.includes(provider);
    const members = isObject(settings) ? Object.entries(settings as Record<string, Marked>) : [];
    const areShort = members.every(([, value]) => value instanceof Secret || typeof value !== "object");
    if (
        !isKnown ||
        members.length > 10 ||
        !areShort ||
        Object.keys(rest).length > 0 ||
        typeof (state ?? "") !== "string"
    ) {
        return undefined;
    }
    const entries = members.map(([name, value]) => `${INDENT}${quoted(name)}, ${text(call, value)}`);
    const lines = [
        ...client(call),
        members.length === 0 ? "Map<String, Object> settings = Map.of();" : "Map<String, Object> settings = Map.of(",
        ...entries.map((entry, index) => entry + (index < entries.length - 1 ? "," : ");")),
        `var request = new CreateGrantRequest.Builder(AuthProvider.${provider.toUpperCase().replaceAll("-", "_")}, settings)`,
        ...(typeof state === "string" ? [`${INDENT}.state(${quoted(state)})`] : []),
        `${INDENT}.build();`,
        "System.out.println(nylas.auth().customAuthentication(request));",
    ];
    const imports = [
        "com.nylas.NylasClient",
        "com.nylas.models.AuthProvider",
        "com.nylas.models.CreateGrantRequest",
        "java.util.Map",
    ];
    return program(imports, "", lines, "Exception");
}

function text(call: Call, value: Marked): string {
    if (value instanceof Secret) {
        return call.shown ? quoted(value.value) : getenv(value);
    }
    return typeof value === "string" ? quoted(value) : String(value);
}

function byHand(call: Call): string {
    const { method, url, headers, body } = http(call);
    const [firstLine, ...more] = body === undefined ? ["noBody()"] : bodyLines(call, body);
    const lines = [
        `HttpRequest request = HttpRequest.newBuilder(URI.create(${address(url)}))`,
        ...headers.map(([name, value]) => `${INDENT}.header(${quoted(name)}, ${sum(value, getenv)})`),
        `${INDENT}.method(${quoted(method)}, HttpRequest.BodyPublishers.${firstLine}${more.length === 0 ? ")" : ""}`,
        ...more.map((line, index) => line + (index === more.length - 1 ? ")" : "")),
        `${INDENT}.build();`,
        "HttpResponse<String> answer = HttpClient.newHttpClient()",
        `${INDENT}.send(request, HttpResponse.BodyHandlers.ofString());`,
        call.operation.leads
            ? 'System.out.println(answer.statusCode() + " " + answer.headers().firstValue("Location"));'
            : 'System.out.println(answer.statusCode() + " " + answer.body());',
    ];
    const imports = [
        "java.net.URI",
        "java.net.http.HttpClient",
        "java.net.http.HttpRequest",
        "java.net.http.HttpResponse",
    ];
    if (lines.some((line) => line.includes("URLEncoder"))) {
        imports.push("java.net.URLEncoder", "java.nio.charset.StandardCharsets");
    }
    return program(
        imports,
        call.operation.access.signed ? SIGNED_HINT : whyByHand(call.operation.id),
        lines,
        "Exception",
    );
}

/** The body as a text block, in which names of secrets are replaced. */
function bodyLines(call: Call, body: Marked): string[] {
    const secrets = new Map<string, Secret>();
    const json = write(body, {
        ...BRACKETS,
        indent: "  ",
        gap: " ",
        null: "null",
        true: "true",
        false: "false",
        name: quoted,
        text: quoted,
        secret: (secret) => {
            if (call.shown) {
                return quoted(secret.value);
            }
            secrets.set(secret.name, secret);
            return quoted(`<${secret.name}>`);
        },
    }).replace(/,(\n\s*[}\]])/g, "$1");
    const margin = INDENT.repeat(2);
    const lines = json.replaceAll("\\", "\\\\").split("\n");
    const replaced = [...secrets.values()].map((one) => `.replace(${quoted(`<${one.name}>`)}, ${getenv(one)})`);
    return ['ofString("""', ...lines.map((line) => margin + line), `${margin}"""${replaced.join("")})`];
}

function address(url: Text): string {
    return sum(url, (secret) => `URLEncoder.encode(${getenv(secret)}, StandardCharsets.UTF_8)`);
}

function sum(parts: Text, secret: (one: Secret) => string): string {
    return parts.map((part) => (part instanceof Secret ? secret(part) : quoted(part))).join(" + ");
}
