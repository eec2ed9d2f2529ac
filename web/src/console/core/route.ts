/** The route: the part of the address after #, which is not sent to the server. */

import { signal } from "@preact/signals";
import type { Query } from "./api";

export interface Place {
    /** Decoded parts of the path: ["grants", "<id>"]. */
    parts: string[];
    query: URLSearchParams;
}

/** The start of an address with a one-time code; the session removes it. */
export const LINK = "#link=";

export const here = signal<Place>(read());

export function follow(): void {
    window.addEventListener("hashchange", () => {
        if (!location.hash.startsWith(LINK)) {
            here.value = read();
        }
    });
}

export function href(parts: string[], query: Query = {}): string {
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
        if (value !== undefined && value !== "" && value !== false) {
            asked.set(name, String(value));
        }
    }
    return `#/${parts.map(encodeURIComponent).join("/")}${asked.size ? `?${asked}` : ""}`;
}

export function go(parts: string[], query: Query = {}): void {
    location.hash = href(parts, query);
}

/**
 * Changes the query of the current page without a history entry.
 *
 * Has no effect if the address already names another page: its `hashchange` comes later, and this would undo the
 * navigation.
 */
export function refine(query: Query): void {
    const { parts } = here.value;
    if (href(read().parts) === href(parts)) {
        move(parts, query);
    }
}

/** Like `go`, but replaces the current history entry. */
export function move(parts: string[], query: Query = {}): void {
    history.replaceState(null, "", href(parts, query));
    here.value = read();
}

function read(): Place {
    if (location.hash.startsWith(LINK)) {
        return { parts: [], query: new URLSearchParams() };
    }
    const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
    return { parts: path.split("/").filter(Boolean).map(decode), query: new URLSearchParams(query) };
}

export function decode(part: string): string {
    try {
        return decodeURIComponent(part);
    } catch {
        return part; // typed by hand
    }
}
