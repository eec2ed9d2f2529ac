/** All operations, by group, below the search. On a phone the list is folded. */

import { useEffect, useRef, useState } from "preact/hooks";
import { plain } from "../../shared/markdown";
import type { Api, Entry } from "../operations";
import { address } from "../route";

const INTRODUCTION = "#/";

interface Part {
    api: Api;
    current: Entry | undefined;
    onSearch: () => void;
}

export function Navigation({ api, current, onSearch }: Part) {
    const [open, setOpen] = useState(false);
    const list = useRef<HTMLDivElement>(null);
    useEffect(() => {
        setOpen(false);
        // Scrolls the column only, not the page.
        const link = list.current?.querySelector<HTMLElement>("[aria-current=page]");
        const column = list.current?.closest<HTMLElement>(".navigation");
        if (link && column && column.scrollHeight > column.clientHeight) {
            const [box, frame] = [link.getBoundingClientRect(), column.getBoundingClientRect()];
            if (box.top < frame.top + 48 || box.bottom > frame.bottom) {
                column.scrollTop += box.top - frame.top - frame.height / 3;
            }
        }
    }, [current]);
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
                <span class="clip">{current ? plain(current.name) : "All operations"}</span>
            </button>
            <div id="operations" class="navigation-body" ref={list}>
                <div class="search-box">
                    <button type="button" class="search-open" aria-keyshortcuts="/ Control+K Meta+K" onClick={onSearch}>
                        <span>Search</span>
                        <kbd>/</kbd>
                    </button>
                </div>
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
                {api.groups.map(({ tag, operations }) => (
                    <section key={tag} aria-label={tag}>
                        <h2>{tag}</h2>
                        <ul>
                            {operations.map((one) => (
                                <li key={one.id}>
                                    <a
                                        href={address(one.id)}
                                        aria-current={one === current ? "page" : undefined}
                                        title={`${one.method} ${one.path}`}
                                        onClick={() => setOpen(false)}
                                    >
                                        <span>{plain(one.name)}</span>
                                        <Method name={one.method} />
                                    </a>
                                </li>
                            ))}
                        </ul>
                    </section>
                ))}
            </div>
        </nav>
    );
}

export function Method({ name }: { name: string }) {
    return <span class={`method ${name.toLowerCase()}`}>{name === "DELETE" ? "DEL" : name}</span>;
}
