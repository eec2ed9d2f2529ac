/** The search over everything: a box with a list beneath it. The focus stays in the box; arrows move the choice. */

import "../looks/search.css";
import { signal } from "@preact/signals";
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { Dialog } from "../../shared/parts";
import { session } from "../core/session";
import { count } from "../core/words";
import { Icon } from "../parts/icon";
import { opened, typedEarly } from "./open";
import { type Hit, makeSources, match, type Source, START } from "./sources";

interface Group {
    title: string;
    hits: Hit[];
}

/** Milliseconds between the last key and the question to the server. */
const PAUSE = 120;
const MOST_RECENT = 5;
const LONGEST = 256;

/** What was opened from here, newest first, until the page is loaded again or another session begins. */
const recent = signal<{ session: string | undefined; hits: Hit[] }>({ session: undefined, hits: [] });

export function Search() {
    const [text, setText] = useState(typedEarly);
    const [chosenId, setChosenId] = useState<string>();
    const { groups, busy, failed } = useHits(text.trim());
    const list = useRef<HTMLDivElement>(null);
    const id = useId();
    const hits = groups.flatMap((group) => group.hits);
    // The first one, until another is chosen: that one stays while other sources answer.
    const at = Math.max(
        hits.findIndex(({ id }) => id === chosenId),
        0,
    );
    const chosen = hits[at];
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
    const move = (to: number) => setChosenId(hits[(to + hits.length) % Math.max(hits.length, 1)]?.id);
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
                        setChosenId(undefined);
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
                                onPointerMove={() => setChosenId(hit.id)}
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

interface Answer {
    text: string;
    hits: Hit[];
}

interface Found {
    groups: Group[];
    busy: boolean;
    /** Titles of sources that did not answer. */
    failed: string[];
}

/**
 * The hits of each source as it answers; the groups keep their order. Only what fits the present text is shown: of an
 * answer to an older text, the hits that fit the new one too.
 */
function useHits(text: string): Found {
    const sources = useMemo(makeSources, []);
    const [answers, setAnswers] = useState<Record<string, Answer>>({});
    const [failed, setFailed] = useState<string[]>([]);
    useEffect(() => {
        if (text === "") {
            return;
        }
        const control = new AbortController();
        const ask = async ({ title, find }: Source) => {
            let hits: Hit[] = [];
            try {
                hits = await find(text, control.signal);
            } catch {
                if (!control.signal.aborted) {
                    setFailed((old) => [...old, title]);
                }
            }
            if (!control.signal.aborted) {
                setAnswers((old) => ({ ...old, [title]: { text, hits } }));
            }
        };
        const timer = setTimeout(() => {
            setFailed([]);
            for (const source of sources.filter(({ here }) => !here)) {
                void ask(source);
            }
        }, PAUSE);
        return () => {
            clearTimeout(timer);
            control.abort();
        };
    }, [text]);
    if (text === "") {
        return { groups: atStart(), busy: false, failed: [] };
    }
    const groups = sources.map((source) => {
        const { title, most, here } = source;
        const answer = answers[title];
        const hits = here?.(text) ?? (answer?.text === text ? answer.hits : match(answer?.hits ?? [], text));
        return { title, hits: hits.slice(0, most) };
    });
    return {
        groups: groups.filter(({ hits }) => hits.length > 0),
        busy: sources.some(({ title, here }) => !here && answers[title]?.text !== text),
        failed,
    };
}
