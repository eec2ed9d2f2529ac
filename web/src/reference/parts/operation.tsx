/** One operation: its documentation, and beside it the panel to try it. */

import { Inline, Markdown } from "../../shared/markdown";
import { Badge, Copy } from "../../shared/parts";
import type { Api, Operation, Variant } from "../operations";
import { Answers } from "./answers";
import { Fields } from "./fields";
import { Method } from "./navigation";
import { Parameters } from "./parameters";
import { Try } from "./try";

export function OperationPage({ api, operation, slug }: { api: Api; operation: Operation; slug: string | undefined }) {
    const variant = operation.variants.find((one) => one.slug === slug) ?? operation.variants[0];
    return (
        <article class="operation">
            <header>
                <p class="eyebrow">{operation.tag}</p>
                <h1>
                    <Inline text={operation.summary} />
                </h1>
                <p class="address">
                    <Method name={operation.method} />
                    <code>{operation.path}</code>
                    <Copy text={operation.path} what="the path" />
                </p>
                {operation.also.length > 0 && (
                    <p class="soft">
                        Also as{" "}
                        {operation.also.map((other, index) => (
                            <span key={other.id}>
                                {index > 0 && ", "}
                                <code>
                                    {other.method}
                                    {other.path === operation.path ? "" : ` ${other.path}`}
                                </code>
                            </span>
                        ))}
                        .
                    </p>
                )}
                <Who operation={operation} />
                <button type="button" class="button primary try-jump" onClick={jump}>
                    Try it
                </button>
                {operation.description && <Markdown text={operation.description} />}
            </header>
            {operation.variants.length > 1 && variant && <Picker operation={operation} variant={variant} />}
            <div class="columns">
                <div class="docs">
                    {variant && operation.variants.length > 1 && (
                        <section class="variant">
                            <Markdown text={variant.description || variant.title} />
                        </section>
                    )}
                    <Parameters operation={operation} defs={api.defs} />
                    {variant && (
                        <section>
                            <h2>Body {!operation.bodyRequired && <Badge>may be left out</Badge>}</h2>
                            {operation.forms && <p class="soft">As JSON, or as a form with the same names.</p>}
                            <Fields schema={variant.schema} defs={api.defs} request />
                        </section>
                    )}
                    <Answers operation={operation} defs={api.defs} />
                </div>
                <Try key={variant?.slug} api={api} operation={operation} variant={variant} />
            </div>
        </article>
    );
}

/** On narrow screens the panel is far below. */
function jump(): void {
    const place = document.getElementById("try");
    place?.scrollIntoView();
    place?.querySelector("h2")?.focus({ preventScroll: true });
}

function Who({ operation }: { operation: Operation }) {
    switch (operation.access) {
        case "open":
            return (
                <p>
                    <Badge>no API key needed</Badge>
                </p>
            );
        case "signed":
            return (
                <p>
                    <Badge tone="warn">signed request</Badge>
                </p>
            );
        case "session":
            return (
                <p>
                    <Badge tone="warn">console session</Badge>
                </p>
            );
        default:
            return null;
    }
}

function Picker({ operation, variant }: { operation: Operation; variant: Variant }) {
    return (
        <nav class="picker" aria-label="Variants of the body">
            {operation.variants.map((one) => (
                <a
                    key={one.slug}
                    href={`#/operation/${operation.id}/${one.slug}`}
                    aria-current={one.slug === variant.slug ? "true" : undefined}
                >
                    {one.title}
                </a>
            ))}
        </nav>
    );
}
