/** The keyboard of a grid of days: one day is in the tab order, arrows go to others, Enter opens. */

import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { type Day, later, monday, otherMonth } from "./days";
import type { View } from "./place";

interface Grid {
    view: View;
    day: Day;
    onDay: (day: Day) => void;
    onOpen: (day: Day) => void;
}

export function useGridKeys({ view, day, onDay, onOpen }: Grid): {
    grid: RefObject<HTMLDivElement>;
    onKeyDown: (event: KeyboardEvent) => void;
} {
    const grid = useRef<HTMLDivElement>(null);
    const follows = useRef(false);
    // With the day that is drawn: the next key counts from there.
    useLayoutEffect(() => {
        if (follows.current) {
            follows.current = false;
            focus(cellOf(grid.current, day), view === "month");
        }
    }, [day, view]);
    const onKeyDown = (event: KeyboardEvent) => {
        if (
            event.altKey ||
            event.ctrlKey ||
            event.metaKey ||
            event.shiftKey ||
            !(event.target instanceof HTMLElement)
        ) {
            return;
        }
        const isOnDay = event.target.dataset.day !== undefined;
        // An event may have been clicked on another day than the one in the tab order.
        const at = event.target.dataset.day ?? event.target.dataset.on ?? day;
        const to = dayAt(event.key, view, at);
        if (to !== undefined) {
            follows.current = to !== day;
            onDay(to);
            if (to === day) {
                focus(cellOf(grid.current, day), true);
            }
        } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            focus(neighbour(grid.current, event.target, at, event.key === "ArrowDown" ? 1 : -1), true);
        } else if ((event.key === "Enter" || event.key === " ") && isOnDay) {
            onOpen(at);
        } else if (event.key === "Escape" && !isOnDay) {
            follows.current = at !== day;
            onDay(at);
            focus(cellOf(grid.current, at), false);
        } else {
            return;
        }
        event.preventDefault();
    };
    return { grid, onKeyDown };
}

/** Where a key leads; undefined for keys that lead to no day. In a week up and down go through the events of a day. */
function dayAt(key: string, view: View, day: Day): Day | undefined {
    const isMonth = view === "month";
    switch (key) {
        case "ArrowLeft":
            return later(day, -1);
        case "ArrowRight":
            return later(day, 1);
        case "ArrowUp":
            return isMonth ? later(day, -7) : undefined;
        case "ArrowDown":
            return isMonth ? later(day, 7) : undefined;
        case "Home":
            return monday(day);
        case "End":
            return later(monday(day), 6);
        case "PageUp":
            return isMonth ? otherMonth(day, -1) : later(day, -7);
        case "PageDown":
            return isMonth ? otherMonth(day, 1) : later(day, 7);
        default:
            return undefined;
    }
}

function cellOf(grid: HTMLElement | null, day: Day): HTMLElement | null {
    return grid?.querySelector<HTMLElement>(`[data-day="${day}"]`) ?? null;
}

function neighbour(grid: HTMLElement | null, from: HTMLElement, day: Day, step: 1 | -1): HTMLElement | null {
    const events = [...(grid?.querySelectorAll<HTMLElement>(`[data-on="${day}"]`) ?? [])];
    const at = events.indexOf(from) + step;
    return events[at] ?? (at < 0 ? cellOf(grid, day) : from);
}

/** A day of a week is as tall as the page: it is not scrolled to. */
function focus(element: HTMLElement | null, scrolls: boolean): void {
    element?.focus({ preventScroll: true });
    if (scrolls && element?.dataset.column === undefined) {
        element?.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
}
