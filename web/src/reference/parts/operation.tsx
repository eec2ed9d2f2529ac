/** One operation: its documentation, and beside it the request and its answers. */

import { useEffect, useState } from "preact/hooks";
import { Inline, Markdown } from "../../shared/markdown";
import { Badge, Copy, Loading, Notice } from "../../shared/parts";
import { loaded, loadOperation } from "../load";
import { type Access, type Entry, isOpen, type Operation, type Variant } from "../operations";
import { address, type Place } from "../route";
import { Answers } from "./answers";
import { ExampleAnswers } from "./examples";
import { Fields, Home } from "./fields";
import { Method } from "./navigation";
import { Parameters } from "./parameters";
import { RequestPanel } from "./try";

export function OperationPage({ entry, place }: { entry: Entry; place: Place }) {
    const [operation, setOperation] = useState<Operation | undefined>(loaded(entry));
    const [failed, setFailed] = useState(false);
    const [attempt, setAttempt] = useState(0);
    useEffect(() => {
        let wanted = true;
        if (operation === undefined) {
            loadOperation(entry).then(
                (made) => wanted && setOperation(made),
                () => wanted && setFailed(true),
            );
        }
        return () => {
            wanted = false;
        };
    }, [attempt]);
    const variant = operation?.variants.find((one) => one.slug === place.variant) ?? operation?.variants[0];
    const hasChoice = operation !== undefined && operation.variants.length > 1;
    return (
        <article class="operation">
            <div class="head">
                <Head entry={entry} description={operation?.description ?? ""} />
                {operation && variant && hasChoice && <Picker operation={operation} variant={variant} />}
            </div>
            {operation === undefined && (
                <div class="docs">
                    {failed ? (
                        <Notice tone="wrong">
                            <p>The server did not give the description of this operation.</p>
                            <p>
                                <button
                                    type="button"
                                    class="button"
                                    onClick={() => {
                                        setFailed(false);
                                        setAttempt(attempt + 1);
                                    }}
                                >
                                    Try again
                                </button>
                            </p>
                        </Notice>
                    ) : (
                        <Loading />
                    )}
                </div>
            )}
            {operation && (
                <>
                    <aside class="side" id="try" aria-label="Request and answers">
                        <RequestPanel key={variant?.slug} operation={operation} variant={variant} />
                        <ExampleAnswers operation={operation} variant={variant} />
                    </aside>
                    <Home.Provider
                        value={{
                            id: operation.id,
                            variant: hasChoice ? variant?.slug : undefined,
                            target: place.field,
                        }}
                    >
                        <div class="docs">
                            {variant && hasChoice && (
                                <section class="variant" aria-label={variant.title}>
                                    <h2>{variant.title}</h2>
                                    {variant.description && <Markdown text={variant.description} />}
                                </section>
                            )}
                            {variant && <Body key={variant.slug} operation={operation} variant={variant} />}
                            <Parameters operation={operation} />
                            <Answers operation={operation} />
                        </div>
                    </Home.Provider>
                </>
            )}
        </article>
    );
}

function Head({ entry, description }: { entry: Entry; description: string }) {
    return (
        <header>
            <p class="eyebrow">{entry.tag}</p>
            <h1>
                <Inline text={entry.name} />
            </h1>
            <p class="address">
                <Method name={entry.method} />
                <code>{entry.path}</code>
                <Copy text={entry.path} what="the path" />
            </p>
            {description && <Markdown text={description} />}
            <dl class="needs">
                <div>
                    <dt>Needs</dt>
                    <dd>
                        <Needs access={entry.access} />
                    </dd>
                </div>
                {entry.limit && (
                    <div>
                        <dt>Limit</dt>
                        <dd>{entry.limit}</dd>
                    </div>
                )}
                {entry.also.length > 0 && (
                    <div>
                        <dt>Also as</dt>
                        <dd>
                            {entry.also.map((other, index) => (
                                <span key={other.id}>
                                    {index > 0 && ", "}
                                    <code>
                                        {other.method}
                                        {other.path === entry.path ? "" : ` ${other.path}`}
                                    </code>
                                </span>
                            ))}
                        </dd>
                    </div>
                )}
                {entry.addition && (
                    <div>
                        <dt>Origin</dt>
                        <dd>
                            <Badge tone="accent">OpenGrant only</Badge> The Nylas API has no such call.
                        </dd>
                    </div>
                )}
            </dl>
            <button type="button" class="button primary try-jump" onClick={jump}>
                Code and try it
            </button>
        </header>
    );
}

/** On narrow screens the panels are below the heading. */
function jump(): void {
    const panel = document.querySelector("#try .panel:not(.open) .panel-toggle");
    if (panel instanceof HTMLElement) {
        panel.click();
    }
    document.getElementById("try")?.scrollIntoView();
    document.querySelector<HTMLElement>("#try h2")?.focus({ preventScroll: true });
}

function Needs({ access }: { access: Access }) {
    if (isOpen(access)) {
        return <>no API key</>;
    }
    const permission = access.permission && (
        <>
            {" "}
            with the permission <code>{access.permission}</code>
        </>
    );
    const session =
        access.session && access.operator ? "an operator’s session of the console" : "a session of the console";
    if (access.signed) {
        return (
            <>
                a request signed by a service account{permission}
                {access.session && `, or ${session}`}
            </>
        );
    }
    if (!access.key) {
        return access.session ? (
            <>
                {session}
                {permission}
            </>
        ) : (
            <>an access token</>
        );
    }
    return (
        <>
            an API key{permission}
            {access.token && ", or an access token of the grant"}
        </>
    );
}

function Picker({ operation, variant }: { operation: Operation; variant: Variant }) {
    return (
        <nav class="picker" aria-label="Variants of the body">
            <p class="picker-title">{operation.variants.length} ways. Choose one:</p>
            <ul>
                {operation.variants.map((one) => (
                    <li key={one.slug}>
                        <a href={address(operation.id, one.slug)} aria-current={one === variant ? "true" : undefined}>
                            <strong>{one.title}</strong>
                            <span>
                                <Inline text={firstSentence(one.description)} />
                            </span>
                        </a>
                    </li>
                ))}
            </ul>
        </nav>
    );
}

/** Without a name in bold before it, which is the title. */
function firstSentence(text: string): string {
    const [line = ""] = text.split("\n\n");
    const plain = line.replace(/^\*\*[^*]+\*\*\s*/, "").replaceAll(/\s+/g, " ");
    return /^.*?\.(?=\s|$)/.exec(plain)?.[0] ?? plain;
}

function Body({ operation, variant }: { operation: Operation; variant: Variant }) {
    return (
        <section aria-label="Body">
            <h2>Body {!operation.bodyRequired && <Badge>optional</Badge>}</h2>
            {operation.forms && <p class="soft">As JSON, or as a form with the same names.</p>}
            <Fields schema={variant.schema} defs={operation.defs} path="body" request />
        </section>
    );
}
