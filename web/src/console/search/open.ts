/** Which of the two windows is open: the search, or the list of keys. And the keys that open them. */

import { signal } from "@preact/signals";
import { go } from "../core/route";

export const opened = signal<"search" | "keys" | undefined>(undefined);

const KEPT = "opengrant-single-keys";
const IS_MAC = /Mac|iPhone|iPad/.test(navigator.userAgent);
/** As it is written beside the search box. */
export const SEARCH_KEYS = IS_MAC ? "⌘ K" : "Ctrl K";

/** After G: the page. */
export const GO_TO: readonly (readonly [key: string, page: string, label: string])[] = [
    ["o", "", "Overview"],
    ["g", "grants", "Grants"],
    ["c", "connectors", "Connectors"],
    ["w", "webhooks", "Webhooks"],
    ["k", "keys", "API keys"],
    ["q", "requests", "Requests"],
    ["d", "domains", "Domains"],
    ["a", "audit", "Audit trail"],
    ["b", "branding", "Branding"],
    ["r", "redirects", "Redirect URIs"],
    ["p", "workspaces", "Workspaces"],
    ["s", "settings", "Settings"],
];
/** Milliseconds that G waits for the second key. */
const PATIENCE = 1500;

/** Whether keys without Ctrl do something. Speech input types letters by accident, so they can be turned off. */
export const singleKeys = signal(read());

function read(): boolean {
    try {
        return localStorage.getItem(KEPT) !== "off";
    } catch {
        return true; // without storage the page still works
    }
}

export function allowSingleKeys(allowed: boolean): void {
    singleKeys.value = allowed;
    try {
        if (allowed) {
            localStorage.removeItem(KEPT);
        } else {
            localStorage.setItem(KEPT, "off");
        }
    } catch {
        // see above
    }
}

/** What is typed between the opening of the search and its first view, because it is being loaded. */
let early = "";
let failed = false;

export function openSearch(): void {
    early = "";
    failed = false;
    opened.value = "search";
}

/** The search did not load: keys mean again what they meant. */
export function searchFailed(): void {
    failed = true;
}

/** What was typed before the search was there. Once. */
export function typedEarly(): string {
    const text = early;
    early = "";
    return text;
}

function typeAhead(event: KeyboardEvent): void {
    if (event.key === "Escape") {
        opened.value = undefined;
    } else if (event.key === "Backspace") {
        early = early.slice(0, -1);
    } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey) {
        early += event.key;
    } else if (event.key !== "Enter") {
        return;
    }
    event.preventDefault();
}

/** Listens until the returned function is called. */
export function followKeys(): () => void {
    let goesSince = 0;
    const pressed = (event: KeyboardEvent) => {
        if (event.defaultPrevented || event.isComposing) {
            return;
        }
        const key = event.key.toLowerCase();
        if (key === "k" && (IS_MAC ? event.metaKey : event.ctrlKey) && !event.altKey && !event.shiftKey) {
            // Over a form in a dialog it would lose what was typed there.
            if (opened.value !== undefined || document.querySelector("dialog[open]") === null) {
                event.preventDefault();
                if (opened.value === "search") {
                    opened.value = undefined;
                } else {
                    openSearch();
                }
            }
            return;
        }
        if (opened.value === "search" && !failed && document.querySelector("dialog[open]") === null) {
            typeAhead(event);
            return;
        }
        if (!singleKeys.value || event.ctrlKey || event.metaKey || event.altKey || isTaken(event.target)) {
            return;
        }
        if (goesSince > 0 && event.timeStamp - goesSince < PATIENCE) {
            goesSince = 0;
            const to = GO_TO.find(([letter]) => letter === key);
            if (to) {
                event.preventDefault();
                go(to[1] === "" ? [] : [to[1]]);
            }
            return;
        }
        goesSince = key === "g" ? event.timeStamp : 0;
        if (key === "/" || key === "?") {
            event.preventDefault();
            if (key === "/") {
                openSearch();
            } else {
                opened.value = "keys";
            }
        }
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
}

/** Whether letters go into a field, or a dialog is open. */
function isTaken(target: EventTarget | null): boolean {
    return (
        document.querySelector("dialog[open]") !== null ||
        (target instanceof HTMLElement &&
            (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)))
    );
}
