/** The whole page; it loads /openapi.json first. */

import { useEffect, useRef, useState } from "preact/hooks";
import { useHashLocation } from "wouter-preact/use-hash-location";
import { plain } from "../shared/markdown";
import { Loading, Notice } from "../shared/parts";
import type { Document } from "./openapi";
import { type Api, read } from "./operations";
import { Header } from "./parts/header";
import { Intro } from "./parts/intro";
import { Navigation } from "./parts/navigation";
import { OperationPage } from "./parts/operation";

type Loaded = { state: "loading" } | { state: "failed" } | { state: "ready"; api: Api };

export function Page() {
    const [loaded, setLoaded] = useState<Loaded>({ state: "loading" });
    const [attempt, setAttempt] = useState(0);
    useEffect(() => {
        let wanted = true;
        load()
            .then((api) => wanted && setLoaded({ state: "ready", api }))
            .catch(() => wanted && setLoaded({ state: "failed" }));
        return () => {
            wanted = false;
        };
    }, [attempt]);
    if (loaded.state === "ready") {
        return <Reference api={loaded.api} />;
    }
    return (
        <main class="alone">
            <h1 class="visually-hidden">OpenGrant API reference</h1>
            {loaded.state === "loading" ? (
                <Loading what="Reading the API's description" />
            ) : (
                <Notice tone="wrong">
                    <p>The server did not give its description, /openapi.json. It may be starting, or down.</p>
                    <p>
                        <button
                            type="button"
                            class="button"
                            onClick={() => {
                                setLoaded({ state: "loading" });
                                setAttempt(attempt + 1);
                            }}
                        >
                            Try again
                        </button>
                    </p>
                </Notice>
            )}
        </main>
    );
}

async function load(): Promise<Api> {
    const answer = await fetch("/openapi.json", { credentials: "omit" });
    if (!answer.ok) {
        throw new Error(`/openapi.json answered ${answer.status}`);
    }
    return read((await answer.json()) as Document);
}

function Reference({ api }: { api: Api }) {
    const [location] = useHashLocation();
    const [, kind, id = "", slug] = location.split("/").map(decoded);
    const operation = kind === "operation" ? api.byId.get(id) : undefined;
    const title = operation && plain(operation.summary);
    const main = useRef<HTMLElement>(null);
    const first = useRef(true);
    const page = operation?.id ?? kind ?? "";
    useEffect(() => {
        document.title = title ? `${title} · OpenGrant API` : "OpenGrant API reference";
        if (first.current) {
            first.current = false;
            return;
        }
        // As after a page load: scroll to the top, announce the title to a screen reader.
        window.scrollTo({ top: 0, behavior: "instant" });
        main.current?.focus({ preventScroll: true });
    }, [page, operation]);
    return (
        <>
            <button type="button" class="skip button" onClick={() => main.current?.focus()}>
                To the content
            </button>
            <Header version={api.version} />
            <div class="frame">
                <Navigation api={api} current={operation?.id} />
                <main id="main" ref={main} tabIndex={-1} aria-label={title ?? "Introduction"}>
                    {operation ? (
                        <OperationPage key={operation.id} api={api} operation={operation} slug={slug} />
                    ) : (
                        <>
                            {kind === "operation" && (
                                <Notice tone="warn">
                                    This server has no operation “{id}”. It may have had one in another release.
                                </Notice>
                            )}
                            <Intro api={api} />
                        </>
                    )}
                </main>
            </div>
        </>
    );
}

/** An address with broken encoding is used as it is. */
function decoded(part: string): string {
    try {
        return decodeURIComponent(part);
    } catch {
        return part;
    }
}
