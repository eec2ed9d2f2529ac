/** Search over everything: a dialog with a field and the results in groups. Its index is loaded when it is opened. */

import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Find, Group, Hit } from "../search/find";
import { Method } from "./navigation";

type Finder = { state: "loading" } | { state: "failed" } | { state: "ready"; find: Find };

let finder: Promise<Find> | undefined;

function loadFinder(): Promise<Find> {
    finder ??= import("../search/find").then(({ makeFinder }) => makeFinder());
    finder.catch(() => {
        finder = undefined;
    });
    return finder;
}

export function Search({ onClose }: { onClose: () => void }) {
    const [loaded, setLoaded] = useState<Finder>({ state: "loading" });
    const [sought, setSought] = useState("");
    const [at, setAt] = useState(0);
    const [attempt, setAttempt] = useState(0);
    const dialog = useRef<HTMLDialogElement>(null);
    const id = useId();
    useEffect(() => {
        let wanted = true;
        setLoaded({ state: "loading" });
        loadFinder().then(
            (find) => wanted && setLoaded({ state: "ready", find }),
            () => wanted && setLoaded({ state: "failed" }),
        );
        return () => {
            wanted = false;
        };
    }, [attempt]);
    useLayoutEffect(() => {
        const shown = dialog.current;
        shown?.showModal();
        return () => shown?.close(); // the focus returns to where it was
    }, []);
    const groups = useMemo(
        () => (loaded.state === "ready" && sought.trim() !== "" ? loaded.find(sought) : []),
        [loaded, sought],
    );
    const hits = groups.flatMap((group) => group.hits);
    const chosen = Math.min(at, hits.length - 1);
    useEffect(() => {
        dialog.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
    }, [chosen, hits]);
    const go = (hit: Hit | undefined) => {
        if (hit) {
            onClose();
            window.location.hash = hit.href;
        }
    };
    const press = (event: KeyboardEvent) => {
        const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
        if (step !== 0 && hits.length > 0) {
            event.preventDefault();
            setAt((chosen + step + hits.length) % hits.length);
        } else if (event.key === "Enter" && !event.isComposing) {
            event.preventDefault();
            go(hits[chosen]);
        } else if (event.key === "Escape") {
            event.preventDefault(); // a browser would empty the field first
            onClose();
        }
    };
    return (
        // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside the dialog closes it, as Esc does
        <dialog
            ref={dialog}
            class="search"
            aria-label="Search the reference"
            onClose={onClose}
            onClick={(event) => event.target === dialog.current && onClose()}
        >
            <div class="search-frame">
                <div class="search-head">
                    <input
                        class="search-input"
                        type="search"
                        role="combobox"
                        aria-label="Search"
                        aria-expanded={hits.length > 0}
                        aria-controls={`${id}-list`}
                        aria-autocomplete="list"
                        {...(hits.length > 0 && { "aria-activedescendant": `${id}-${chosen}` })}
                        autocomplete="off"
                        spellcheck={false}
                        placeholder="Operation, field, error, status…"
                        value={sought}
                        onInput={(event) => {
                            setSought(event.currentTarget.value);
                            setAt(0);
                        }}
                        onKeyDown={press}
                    />
                    <button type="button" class="button small" onClick={onClose}>
                        Close
                    </button>
                </div>
                <p class="visually-hidden" role="status">
                    {sought.trim() !== "" && loaded.state === "ready" && `${hits.length} results`}
                </p>
                <div id={`${id}-list`} class="search-results" role="listbox" aria-label="Results" tabIndex={-1}>
                    <Results groups={groups} chosen={chosen} id={id} onGo={go} />
                </div>
                {loaded.state === "loading" && <p class="search-note">Loading the index…</p>}
                {loaded.state === "failed" && (
                    <p class="search-note" role="alert">
                        The index could not be loaded.{" "}
                        <button type="button" class="link" onClick={() => setAttempt(attempt + 1)}>
                            Try again
                        </button>
                    </p>
                )}
                {loaded.state === "ready" && sought.trim() !== "" && hits.length === 0 && (
                    <p class="search-note">Nothing found for “{sought.trim()}”.</p>
                )}
                {loaded.state === "ready" && sought.trim() === "" && (
                    <p class="search-note">
                        Examples: <code>imap_port</code>, <code>429</code>, <code>refresh</code>, free busy.
                    </p>
                )}
                <p class="search-keys">
                    <kbd>↑</kbd> <kbd>↓</kbd> to move · <kbd>Enter</kbd> to open · <kbd>Esc</kbd> to close
                </p>
            </div>
        </dialog>
    );
}

interface ResultsPart {
    groups: Group[];
    chosen: number;
    id: string;
    onGo: (hit: Hit) => void;
}

function Results({ groups, chosen, id, onGo }: ResultsPart) {
    let count = 0;
    return (
        <>
            {groups.map(({ title, hits }) => (
                // biome-ignore lint/a11y/useSemanticElements: a group of options within a listbox
                <div key={title} role="group" aria-label={title}>
                    <p class="search-group" aria-hidden="true">
                        {title}
                    </p>
                    {hits.map((hit) => {
                        const index = count++;
                        return (
                            // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keys
                            <div
                                key={hit.href + hit.name}
                                id={`${id}-${index}`}
                                class="hit"
                                role="option"
                                tabIndex={-1}
                                aria-selected={index === chosen}
                                data-href={hit.href}
                                onClick={() => onGo(hit)}
                            >
                                <span class="hit-name">
                                    {hit.method && <Method name={hit.method} />}
                                    <span>
                                        <Marked text={hit.name} words={hit.words} />
                                    </span>
                                </span>
                                <span class="hit-where">
                                    <Marked text={hit.where} words={hit.words} />
                                </span>
                                {hit.text && (
                                    <span class="hit-text">
                                        <Marked text={hit.text} words={hit.words} />
                                    </span>
                                )}
                            </div>
                        );
                    })}
                </div>
            ))}
        </>
    );
}

/** The text with the words that were found marked. */
function Marked({ text, words }: { text: string; words: string[] }) {
    if (words.length === 0) {
        return <>{text}</>;
    }
    const pattern = new RegExp(`(${words.map(escaped).join("|")})`, "gi");
    return <>{text.split(pattern).map((part, index) => (index % 2 ? <mark key={index}>{part}</mark> : part))}</>;
}

function escaped(word: string): string {
    return word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
