/** A calendar's events of some days: every page, up to a bound. */

import { page, path } from "../core/api";
import type { Event } from "../core/wire";
import { type Day, later } from "./days";
import type { Zone } from "./zone";

export const MOST_EVENTS = 1000;
const PAGE = 200;

export interface Found {
    events: Event[];
    /** There are more than the bound. */
    more: boolean;
}

export async function eventsOf(
    grant: string,
    calendar: string,
    days: Day[],
    zone: Zone,
    signal: AbortSignal,
): Promise<Found> {
    const [first = "", last = first] = [days[0], days.at(-1)];
    const events: Event[] = [];
    let cursor: string | undefined;
    do {
        const found = await page<Event>(
            path`/v3/grants/${grant}/events`,
            {
                calendar_id: calendar,
                start: zone.start(first),
                end: zone.start(later(last, 1)) - 1,
                expand_recurring: true,
                limit: PAGE,
                page_token: cursor,
            },
            signal,
        );
        events.push(...found.rows);
        cursor = found.next;
    } while (cursor && events.length < MOST_EVENTS);
    return { events: events.slice(0, MOST_EVENTS), more: cursor !== undefined || events.length > MOST_EVENTS };
}
