/** Where in the console we are: the part of the address after #, which no server sees. */

import { signal } from "@preact/signals";
import type { Query } from "./api";

export interface Place {
    /** Decoded parts of the path: ["grants", "<id>"]. */
    parts: string[];
    query: URLSearchParams;
}

export const here = signal<Place>(read());

export function follow(): void {
    window.addEventListener("hashchange", () => {
        here.value = read();
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

/** Another query of the page we are on: no step in the history, and the page stays as it is. */
export function refine(query: Query): void {
    history.replaceState(null, "", href(here.value.parts, query));
    here.value = read();
}

function read(): Place {
    if (location.hash.startsWith("#link=")) {
        return { parts: [], query: new URLSearchParams() }; // the session's, and gone in a moment
    }
    const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
    return { parts: path.split("/").filter(Boolean).map(decode), query: new URLSearchParams(query) };
}

function decode(part: string): string {
    try {
        return decodeURIComponent(part);
    } catch {
        return part; // what somebody typed by hand
    }
}
