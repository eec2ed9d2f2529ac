/** All operations, by group, with a search. On a phone it is folded. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { plain } from "../../shared/markdown";
import type { Api, Operation } from "../operations";

const INTRODUCTION = "#/";

export function Navigation({ api, current }: { api: Api; current: string | undefined }) {
    const [sought, setSought] = useState("");
    const [open, setOpen] = useState(false);
    const field = useRef<HTMLInputElement>(null);
    const list = useRef<HTMLDivElement>(null);
    // The key works as soon as the page is visible.
    useLayoutEffect(() => {
        const slash = (event: KeyboardEvent) => {
            if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !isWriting(event)) {
                event.preventDefault();
                setOpen(true);
                // The field may just have become visible.
                requestAnimationFrame(() => field.current?.focus());
            }
        };
        document.addEventListener("keydown", slash);
        return () => document.removeEventListener("keydown", slash);
    }, []);
    useEffect(() => {
        setOpen(false);
        // Scrolls the column only, not the page.
        const link = list.current?.querySelector<HTMLElement>("[aria-current=page]");
        const column = list.current?.closest<HTMLElement>(".navigation");
        if (link && column && column.scrollHeight > column.clientHeight) {
            const [box, frame] = [link.getBoundingClientRect(), column.getBoundingClientRect()];
            if (box.top < frame.top || box.bottom > frame.bottom) {
                column.scrollTop += box.top - frame.top - frame.height / 3;
            }
        }
    }, [current]);
    const groups = useMemo(
        () =>
            api.groups
                .map((group) => ({ ...group, operations: group.operations.filter((one) => matches(one, sought)) }))
                .filter((group) => group.operations.length > 0),
        [api, sought],
    );
    const count = groups.reduce((sum, group) => sum + group.operations.length, 0);
    const first = groups[0]?.operations[0];
    return (
        <nav class={`navigation ${open ? "open" : ""}`} aria-label="Operations">
            <button
                type="button"
                class="button navigation-toggle"
                aria-expanded={open}
                aria-controls="operations"
                onClick={() => setOpen(!open)}
            >
                <span aria-hidden="true">☰</span>
                <span class="clip">{current ? plain(api.byId.get(current)?.summary ?? "") : "All operations"}</span>
            </button>
            <div id="operations" class="navigation-body">
                <search>
                    <form
                        onSubmit={(event) => {
                            event.preventDefault();
                            setOpen(false);
                            if (first) {
                                window.location.hash = `/operation/${first.id}`;
                            }
                        }}
                    >
                        <input
                            ref={field}
                            class="input"
                            type="search"
                            placeholder="Search"
                            aria-label="Search operations"
                            aria-keyshortcuts="/"
                            value={sought}
                            onInput={(event) => setSought(event.currentTarget.value)}
                            onKeyDown={(event) => {
                                if (event.key === "Escape" && sought !== "") {
                                    event.preventDefault();
                                    setSought("");
                                }
                            }}
                        />
                        <kbd>/</kbd>
                    </form>
                </search>
                <p class="visually-hidden" role="status">
                    {sought.trim() && `${count} operation${count === 1 ? "" : "s"} found`}
                </p>
                {count === 0 && (
                    <p class="nothing">
                        No operation has “{sought.trim()}” in its name, path, id or group.{" "}
                        <button type="button" class="link" onClick={() => setSought("")}>
                            Show all
                        </button>
                    </p>
                )}
                <div ref={list}>
                    {!sought.trim() && (
                        <ul>
                            <li>
                                <a
                                    href={INTRODUCTION}
                                    aria-current={current === undefined ? "page" : undefined}
                                    onClick={() => setOpen(false)}
                                >
                                    <span>Introduction</span>
                                </a>
                            </li>
                        </ul>
                    )}
                    {groups.map(({ tag, operations }) => (
                        <section key={tag} aria-label={tag}>
                            <h2>{tag}</h2>
                            <ul>
                                {operations.map((one) => (
                                    <li key={one.id}>
                                        <a
                                            href={`#/operation/${one.id}`}
                                            aria-current={one.id === current ? "page" : undefined}
                                            title={`${one.method} ${one.path}`}
                                            onClick={() => setOpen(false)}
                                        >
                                            <Method name={one.method} />
                                            <span>{plain(shortly(one.summary))}</span>
                                        </a>
                                    </li>
                                ))}
                            </ul>
                        </section>
                    ))}
                </div>
            </div>
        </nav>
    );
}

export function Method({ name }: { name: string }) {
    return <span class={`method ${name.toLowerCase()}`}>{name === "DELETE" ? "DEL" : name}</span>;
}

/** The first sentence, without order and ids; CSS clips a long one. */
function shortly(summary: string): string {
    return summary.split(/[.:;](?:\s|$)|,? in order of |, newest |,? by its /)[0] ?? summary;
}

function matches(operation: Operation, sought: string): boolean {
    const also = operation.also.map((other) => `${other.method} ${other.path} ${other.id}`).join(" ");
    const text = `${operation.summary} ${operation.method} ${operation.path} ${operation.id} ${operation.tag} ${also}`;
    const within = text.toLowerCase();
    return sought
        .toLowerCase()
        .split(/\s+/)
        .every((word) => within.includes(word));
}

function isWriting(event: KeyboardEvent): boolean {
    const at = event.composedPath()[0];
    return at instanceof HTMLElement && (at.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName));
}
