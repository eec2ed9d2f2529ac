/** The first page: rules for all operations. */

import { useEffect } from "preact/hooks";
import { Markdown } from "../../shared/markdown";
import { Copy } from "../../shared/parts";
import { Scrollable } from "../../shared/scrollable";
import { GUIDE } from "../guide";
import type { Api } from "../operations";
import { address } from "../route";
import { highlight } from "../samples/highlight";

export function Intro({ api, section }: { api: Api; section: string | undefined }) {
    const origin = window.location.origin;
    const first = [`curl -sS "${origin}/v3/grants" \\`, `  -H "Authorization: Bearer $OPENGRANT_API_KEY"`].join("\n");
    useEffect(() => {
        const place = section && document.getElementById(section);
        if (place) {
            place.scrollIntoView({ behavior: "instant" });
            place.focus({ preventScroll: true });
        }
    }, [section]);
    return (
        <article class="intro">
            <h1>{api.title} API</h1>
            <Markdown text={api.description} />
            <p>
                This page is generated from this server’s own <a href="/openapi.json">/openapi.json</a>, so it describes
                exactly this version. Enter an API key above, or sign in to the <a href="/console">console</a>, and try
                the calls here.
            </p>
            {api.byId.has("connect_custom") && (
                <p>
                    <a class="button primary" href={address("connect_custom")}>
                        Create a grant
                    </a>
                </p>
            )}
            <section>
                <h2>Operations</h2>
                <dl class="groups">
                    {api.groups.map(({ tag, description, operations }) => (
                        <div key={tag}>
                            <dt>
                                <a href={address(operations[0]?.id ?? "")}>{tag}</a>
                            </dt>
                            <dd>{description}</dd>
                        </div>
                    ))}
                </dl>
            </section>
            {GUIDE.map(({ id, title, text }) => (
                <section key={id}>
                    <h2 id={id} tabIndex={-1}>
                        {title}
                    </h2>
                    {id === "base-url" && (
                        <p class="copyable">
                            <code>{origin}</code> <Copy text={origin} what="the base URL" />
                        </p>
                    )}
                    <Markdown text={text} />
                    {id === "authentication" && (
                        <div class="panel code-panel open">
                            <div class="code">
                                <div class="code-bar">
                                    <span class="code-hint">A first request</span>
                                    <Copy text={first} what="a first request" />
                                </div>
                                <Scrollable label="A first request">
                                    <pre>
                                        <code>{highlight(first)}</code>
                                    </pre>
                                </Scrollable>
                            </div>
                        </div>
                    )}
                    {id === "errors" && <Classes />}
                </section>
            ))}
        </article>
    );
}

function Classes() {
    return (
        <Scrollable label="Classes of refusals">
            <table class="rows">
                <thead>
                    <tr>
                        <th scope="col">Class</th>
                        <th scope="col">Who must act</th>
                        <th scope="col">Status</th>
                    </tr>
                </thead>
                <tbody>
                    {CLASSES.map(([name, turn, status]) => (
                        <tr key={name}>
                            <td>
                                <code>{name}</code>
                            </td>
                            <td>{turn}</td>
                            <td>{status}</td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </Scrollable>
    );
}

/** The error classes of docs and README. */
const CLASSES = [
    ["reconnect", "The mailbox owner connects the account again.", "400"],
    ["connector", "You change the client id, its secret or the tenant.", "400"],
    ["bad_request", "You change the request.", "400"],
    ["rate_limited", "Nothing is wrong. Wait as many seconds as Retry-After says.", "429"],
    ["provider_down, unknown", "Nothing is wrong on your side. Try again.", "504"],
] as const;
