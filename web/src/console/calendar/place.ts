/** What a calendar's page shows: kept in its address, so that a week can be sent to a colleague. */

import { useEffect, useRef, useState } from "preact/hooks";
import { here, refine } from "../core/route";
import { type Day, dayOf, isKnown } from "./days";

export type View = "week" | "month";

export interface Shows {
    view: View;
    day: Day;
    /** The event that is open. */
    event?: string | undefined;
}

/** Browsers refuse an address that changes with every key that is held down. */
const SETTLED_MS = 300;

/** `today` is where it begins. Days of years that no server knows are not gone to. */
export function useShows(today: Day): [shows: Shows, show: (change: Partial<Shows>) => void] {
    const asked = here.value.query;
    const [shows, setShows] = useState(() => read(asked, today));
    // An address that this page has written itself may be older than what it shows: a key may come just then.
    const followed = useRef(asked);
    useEffect(() => {
        if (asked !== followed.current) {
            followed.current = asked;
            setShows(read(asked, today));
        }
    }, [asked]);
    useEffect(() => {
        const [was, is] = [read(here.value.query, today), shows];
        if (was.view === is.view && was.day === is.day && was.event === is.event) {
            return;
        }
        const timer = setTimeout(() => {
            refine({ view: is.view, day: is.day, event: is.event });
            followed.current = here.value.query;
        }, SETTLED_MS);
        return () => clearTimeout(timer);
    }, [shows]);
    const show = (change: Partial<Shows>) => {
        if (change.day === undefined || isKnown(change.day)) {
            setShows((old) => ({ ...old, ...change }));
        }
    };
    return [shows, show];
}

function read(query: URLSearchParams, today: Day): Shows {
    return {
        view: query.get("view") === "month" ? "month" : "week",
        day: dayOf(query.get("day")) ?? today,
        event: query.get("event") ?? undefined,
    };
}
