/** The request in Go, with the standard library. */

import { type Call, http, type Literals, Secret, SIGNED_HINT, type Text, write } from "./call";

export function go(call: Call): string {
    const { method, url, headers, body } = http(call);
    const leads = call.operation.leads;
    const lines: string[] = [];
    if (body !== undefined) {
        lines.push(`body, err := json.Marshal(${write(body, literals(call), "\t")})`, ...check());
    }
    const reader = body === undefined ? "nil" : "bytes.NewReader(body)";
    lines.push(`request, err := http.NewRequest(${quoted(method)}, ${address(url)}, ${reader})`, ...check());
    for (const [name, value] of headers) {
        lines.push(`request.Header.Set(${quoted(name)}, ${sum(value, getenv)})`);
    }
    // A redirect of a page for browsers is the answer, and is not followed.
    lines.push(`answer, err := http.${leads ? "DefaultTransport.RoundTrip" : "DefaultClient.Do"}(request)`, ...check());
    lines.push("defer answer.Body.Close()");
    if (leads) {
        lines.push('fmt.Println(answer.Status, answer.Header.Get("Location"))');
    } else {
        lines.push("text, err := io.ReadAll(answer.Body)", ...check(), "fmt.Println(answer.Status, string(text))");
    }
    const text = lines.map((line) => `\t${line}`).join("\n");
    const packages = ["bytes", "encoding/json", "fmt", "io", "net/http", "net/url", "os"].filter((name) =>
        text.includes(`${name.split("/").at(-1)}.`),
    );
    return [
        ...(call.operation.access.signed ? [`// ${SIGNED_HINT}`] : []),
        "package main",
        "",
        "import (",
        ...packages.map((name) => `\t${quoted(name)}`),
        ")",
        "",
        "func main() {",
        text,
        "}",
        "",
    ].join("\n");
}

function check(): string[] {
    return ["if err != nil {", "\tpanic(err)", "}"];
}

const quoted = (text: string) => JSON.stringify(text);
const getenv = (secret: Secret) => `os.Getenv(${quoted(secret.name)})`;

function address(url: Text): string {
    return sum(url, (secret) => `url.QueryEscape(${getenv(secret)})`);
}

function sum(text: Text, secret: (one: Secret) => string): string {
    return text.map((part) => (part instanceof Secret ? secret(part) : quoted(part))).join("+");
}

function literals(call: Call): Literals {
    return {
        indent: "\t",
        object: ["map[string]any{", "}"],
        array: ["[]any{", "}"],
        pair: ": ",
        gap: "",
        null: "nil",
        true: "true",
        false: "false",
        name: quoted,
        text: quoted,
        secret: (secret) => (call.shown ? quoted(secret.value) : getenv(secret)),
    };
}
