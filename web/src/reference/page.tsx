/** The whole page; it loads the list of operations first. */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { plain } from "../shared/markdown";
import { Loading, Notice } from "../shared/parts";
import { loadApi } from "./load";
import type { Api } from "./operations";
import { Header } from "./parts/header";
import { Intro } from "./parts/intro";
import { Navigation } from "./parts/navigation";
import { OperationPage } from "./parts/operation";
import { Search } from "./parts/search";
import { usePlace } from "./route";
import { findSession } from "./session";

type Loaded = { state: "loading" } | { state: "failed" } | { state: "ready"; api: Api };

export function Page() {
    const [loaded, setLoaded] = useState<Loaded>({ state: "loading" });
    const [attempt, setAttempt] = useState(0);
    useEffect(() => {
        let wanted = true;
        loadApi()
            .then((api) => wanted && setLoaded({ state: "ready", api }))
            .catch(() => wanted && setLoaded({ state: "failed" }));
        return () => {
            wanted = false;
        };
    }, [attempt]);
    useEffect(() => {
        void findSession();
    }, []);
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
                    <p>The server did not give its description. It may be starting, or down.</p>
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

function Reference({ api }: { api: Api }) {
    const place = usePlace();
    const [searching, setSearching] = useState(false);
    const entry = api.byId.get(place.id);
    const title = entry && plain(entry.name);
    const main = useRef<HTMLElement>(null);
    const first = useRef(true);
    useLayoutEffect(() => {
        document.title = title ? `${title} · OpenGrant API` : "OpenGrant API reference";
        if (first.current) {
            first.current = false;
            return;
        }
        if (place.field) {
            return; // it has the focus
        }
        // As after a page load: scroll to the top, announce the title to a screen reader.
        window.scrollTo({ top: 0, behavior: "instant" });
        main.current?.focus({ preventScroll: true });
    }, [place.id, place.section, entry]);
    // The keys work as soon as the page is visible.
    useLayoutEffect(() => {
        const open = (event: KeyboardEvent) => {
            const isModified = event.ctrlKey || event.metaKey;
            const isSlash = event.key === "/" && !isModified && !event.altKey && !isWriting(event);
            if (isSlash || (event.key.toLowerCase() === "k" && isModified && !event.altKey && !event.shiftKey)) {
                event.preventDefault();
                setSearching(true);
            }
        };
        document.addEventListener("keydown", open);
        return () => document.removeEventListener("keydown", open);
    }, []);
    const search = () => setSearching(true);
    return (
        <>
            <button type="button" class="skip button" onClick={() => main.current?.focus()}>
                To the content
            </button>
            <Header version={api.version} onSearch={search} />
            <div class="frame">
                <Navigation api={api} current={entry} onSearch={search} />
                <main id="main" ref={main} tabIndex={-1} aria-label={title ?? "Introduction"}>
                    {entry ? (
                        <OperationPage key={entry.id} entry={entry} place={place} />
                    ) : (
                        <>
                            {place.id !== "" && (
                                <Notice tone="warn">
                                    This server has no operation “{place.id}”. It may have had one in another release.
                                </Notice>
                            )}
                            <Intro api={api} section={place.section} />
                        </>
                    )}
                </main>
            </div>
            {searching && <Search onClose={() => setSearching(false)} />}
        </>
    );
}

function isWriting(event: KeyboardEvent): boolean {
    const at = event.composedPath()[0];
    return at instanceof HTMLElement && (at.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName));
}
