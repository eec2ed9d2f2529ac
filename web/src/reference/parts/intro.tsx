/** The first page: rules for all operations. */

import { Markdown } from "../../shared/markdown";
import { Copy } from "../../shared/parts";
import { Scrollable } from "../../shared/scrollable";
import type { Api } from "../operations";
import { Code } from "./code";

export function Intro({ api }: { api: Api }) {
    const origin = window.location.origin;
    const ready = [`curl -sS "${origin}/v3/grants" \\`, `  -H "Authorization: Bearer $OPENGRANT_API_KEY"`].join("\n");
    return (
        <article class="intro">
            <h1>{api.title} API</h1>
            <Markdown text={api.description} />
            <p>
                This page is made from this server’s own <a href="/openapi.json">/openapi.json</a>, so it says what this
                server does. Enter an API key above, and every operation that takes one can be tried here.
            </p>
            {api.byId.has("connect_custom") && (
                <p>
                    <a class="button primary" href="#/operation/connect_custom">
                        Make a grant
                    </a>
                </p>
            )}
            <section>
                <h2>Operations</h2>
                <dl class="groups">
                    {api.groups.map(({ tag, description, operations }) => (
                        <div key={tag}>
                            <dt>
                                <a href={`#/operation/${operations[0]?.id}`}>{tag}</a>
                            </dt>
                            <dd>{description}</dd>
                        </div>
                    ))}
                </dl>
            </section>
            <section>
                <h2>Base URL</h2>
                <p class="copyable">
                    <code>{origin}</code> <Copy text={origin} what="the base URL" />
                </p>
                <p>
                    Official Nylas SDKs work with only this changed: <code>api_uri</code> in Python, <code>apiUri</code>{" "}
                    in Node.
                </p>
            </section>
            <section>
                <h2>Authentication</h2>
                <p>
                    Send the API key of your application as a bearer token. Operations under <code>/v3/admin</code> are
                    signed by a service account instead, and a few are open to everybody; each says so.
                </p>
                <Code code={ready} label="A first request" />
            </section>
            <section>
                <h2>Errors</h2>
                <p>
                    An error has the envelope <code>{"{request_id, error: {type, message, provider_error}}"}</code>. The
                    message is for people and says what to do; the type is for programs. When a provider refused,{" "}
                    <code>provider_error.opengrant</code> has the class, the reason and the remedy.
                </p>
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
                <p>
                    Every answer carries an <code>X-Request-Id</code>; the server’s log has the story under it.
                </p>
            </section>
            <section>
                <h2>Lists</h2>
                <p>
                    Lists take <code>limit</code>, and <code>offset</code> or <code>page_token</code>. Where an answer
                    has <code>next_cursor</code>, send it as <code>page_token</code> for what comes next.
                </p>
            </section>
            <section>
                <h2>Sending twice</h2>
                <p>
                    With an <code>Idempotency-Key</code> header, an operation that takes one does its work once: the
                    same key and body have the first answer again for 24 hours. The operation says whether it takes one.
                </p>
            </section>
        </article>
    );
}

/** The error classes of docs and README. */
const CLASSES = [
    ["reconnect", "The mailbox owner’s: they connect the account again.", "400"],
    ["connector", "Yours: the client id, its secret or the tenant.", "400"],
    ["bad_request", "Yours: the request.", "400"],
    ["rate_limited", "Nobody’s: wait as many seconds as Retry-After says.", "429"],
    ["provider_down, unknown", "Nobody’s: try again.", "504"],
] as const;
