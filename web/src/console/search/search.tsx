/** The search over everything: a box with a list beneath it. The focus stays in the box; arrows move the choice. */

import "../looks/search.css";
import { signal } from "@preact/signals";
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { Dialog } from "../../shared/parts";
import { session } from "../core/session";
import { count } from "../core/words";
import { Icon } from "../parts/icon";
import { opened } from "./open";
import { type Hit, makeSources, START } from "./sources";

interface Group {
    title: string;
    hits: Hit[];
}

/** Milliseconds between the last key and the question to the server. */
const PAUSE = 120;
const MOST_RECENT = 5;
const LONGEST = 256;

/** What was opened from here, newest first, until the page is loaded anew or another session begins. */
const recent = signal<{ session: string | undefined; hits: Hit[] }>({ session: undefined, hits: [] });

export function Search() {
    const [text, setText] = useState("");
    const [at, setAt] = useState(0);
    const { groups, busy, failed } = useHits(text.trim());
    const list = useRef<HTMLDivElement>(null);
    const id = useId();
    const hits = groups.flatMap((group) => group.hits);
    const chosen = hits[Math.min(at, hits.length - 1)];
    const close = () => {
        opened.value = undefined;
    };
    const open = (hit: Hit) => {
        remember(hit);
        close();
        if (hit.act) {
            hit.act();
        } else if (hit.href) {
            location.assign(hit.href);
        }
    };
    useEffect(() => {
        list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
    }, [chosen?.id]);
    const move = (to: number) => setAt((to + hits.length) % Math.max(hits.length, 1));
    const pressed = (event: KeyboardEvent) => {
        const moves: Record<string, number> = {
            ArrowDown: at + 1,
            ArrowUp: at - 1,
            PageDown: Math.min(at + 5, hits.length - 1),
            PageUp: Math.max(at - 5, 0),
        };
        const to = moves[event.key];
        if (event.isComposing) {
            return;
        }
        if (to !== undefined) {
            event.preventDefault();
            move(to);
        } else if (event.key === "Enter" && chosen) {
            event.preventDefault();
            open(chosen);
        }
    };
    return (
        <Dialog title="Search" class="search-dialog" onClose={close}>
            <div class="search-box">
                <Icon name="search" />
                <input
                    type="text"
                    role="combobox"
                    aria-label="Search"
                    aria-expanded={hits.length > 0}
                    aria-controls={`${id}-list`}
                    aria-activedescendant={chosen && `${id}-${chosen.id}`}
                    aria-autocomplete="list"
                    placeholder="Search grants, webhooks, pages, actions, the API…"
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck={false}
                    maxLength={LONGEST}
                    value={text}
                    onInput={(event) => {
                        setText(event.currentTarget.value);
                        setAt(0);
                    }}
                    onKeyDown={pressed}
                />
                <button type="button" class="button plain" onClick={close}>
                    Close
                </button>
            </div>
            <div class="search-list" id={`${id}-list`} role="listbox" aria-label="Results" ref={list}>
                {groups.map((group) => (
                    // biome-ignore lint/a11y/useSemanticElements: a fieldset is no part of a list box
                    <div key={group.title} role="group" aria-label={group.title}>
                        <p class="search-title" aria-hidden="true">
                            {group.title}
                        </p>
                        {group.hits.map((hit) => (
                            // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the box
                            // biome-ignore lint/a11y/useKeyWithClickEvents: the box handles the keys
                            <div
                                key={hit.id}
                                id={`${id}-${hit.id}`}
                                role="option"
                                aria-selected={hit === chosen}
                                class="search-hit"
                                onPointerMove={() => setAt(hits.indexOf(hit))}
                                onMouseDown={(event) => event.preventDefault()}
                                onClick={() => open(hit)}
                            >
                                <Icon name={hit.icon} />
                                <span class="search-label">{hit.label}</span>
                                {hit.note && <span class="search-note">{hit.note}</span>}
                            </div>
                        ))}
                    </div>
                ))}
            </div>
            {hits.length === 0 && !busy && <p class="search-none">Nothing found for “{text.trim()}”.</p>}
            <p class="search-foot" role="status">
                {busy ? "Searching…" : count(hits.length, "result")}
                {failed.length > 0 && ` · Could not be searched: ${failed.join(", ")}`}
            </p>
        </Dialog>
    );
}

function remember(hit: Hit): void {
    const of = session.value?.id;
    const before = recent.value.session === of ? recent.value.hits : [];
    recent.value = { session: of, hits: [hit, ...before.filter(({ id }) => id !== hit.id)].slice(0, MOST_RECENT) };
}

function atStart(): Group[] {
    const known = recent.value.session === session.value?.id ? recent.value.hits : [];
    const others = START.filter(({ id }) => !known.some((hit) => hit.id === id));
    return [...(known.length ? [{ title: "Recent", hits: known }] : []), { title: "Suggestions", hits: others }];
}

interface Found {
    groups: Group[];
    busy: boolean;
    /** Titles of sources that did not answer. */
    failed: string[];
}

/** The hits of each source as it answers. The groups keep their order; answers to an older text are dropped. */
function useHits(text: string): Found {
    const sources = useMemo(makeSources, []);
    const [found, setFound] = useState<Found & { text: string }>({
        text: "",
        groups: atStart(),
        busy: false,
        failed: [],
    });
    useEffect(() => {
        if (text === "") {
            setFound({ text, groups: atStart(), busy: false, failed: [] });
            return;
        }
        const control = new AbortController();
        const answers = new Map<string, Hit[]>();
        const failed: string[] = [];
        let open = sources.length;
        const show = () => {
            if (!control.signal.aborted) {
                const groups = sources
                    .map(({ title, most }) => ({ title, hits: (answers.get(title) ?? []).slice(0, most) }))
                    .filter(({ hits }) => hits.length > 0);
                setFound({ text, groups, busy: open > 0, failed: [...failed] });
            }
        };
        const timer = setTimeout(() => {
            for (const { title, find } of sources) {
                Promise.resolve(find(text, control.signal))
                    .then(
                        (hits) => answers.set(title, hits),
                        () => failed.push(title),
                    )
                    .then(() => {
                        open -= 1;
                        show();
                    });
            }
        }, PAUSE);
        return () => {
            clearTimeout(timer);
            control.abort();
        };
    }, [text]);
    return { ...found, busy: found.busy || found.text !== text };
}
