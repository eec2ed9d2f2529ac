/** Events in words: when they are, on the clock of a zone, and what they are called. */

import type { Event } from "../core/wire.ts";
import { type Day, dateWords, dayWords, rangeWords } from "./days.ts";
import type { Span } from "./layout.ts";
import { clock, offsetWords, type Zone } from "./zone.ts";

export function titleOf(event: Event): string {
    return event.title?.trim() || "No title";
}

/** "Monday 30 March 2026, 09:00 – 10:00". The second of two equal hours is told apart by its distance from UTC. */
export function whenWords({ wholeDays, first, last, start, end }: Span, zone: Zone): string {
    if (wholeDays) {
        return first === last ? `${dayWords(first)}, all day` : `${rangeWords(first, last)}, whole days`;
    }
    const [from, to] = [zone.wall(start), zone.wall(end)];
    const changes = zone.offset(start) !== zone.offset(end);
    const at = (minutes: number, instant: number) =>
        changes ? `${clock(minutes)} (${offsetWords(zone.offset(instant))})` : clock(minutes);
    if (start === end) {
        return `${dayWords(from.day)}, ${clock(from.minutes)}`;
    }
    const until = at(to.minutes, end);
    return `${dayWords(from.day)}, ${at(from.minutes, start)} – ${to.day === from.day ? until : `${dayWords(to.day)}, ${until}`}`;
}

/** What is said of an event on one of its days: "09:00 – 10:00", "from 23:00", "until 01:00", "all day". */
export function timesOn({ wholeDays, start, end }: Span, day: Day, zone: Zone): string {
    if (wholeDays) {
        return "all day";
    }
    const [from, to] = [zone.wall(start), zone.wall(end)];
    const endsHere = to.day === day || end === zone.start(to.day);
    if (from.day === day && (start === end || !endsHere)) {
        return start === end ? clock(from.minutes) : `from ${clock(from.minutes)}`;
    }
    if (from.day !== day) {
        return to.day === day && to.minutes > 0 ? `until ${clock(to.minutes)}` : "all day";
    }
    return `${clock(from.minutes)} – ${clock(to.minutes)}`;
}

/** How an event is heard: its title, its time on that day, and what its looks say. */
export function spoken(span: Span, day: Day, zone: Zone): string {
    const { event } = span;
    return [
        titleOf(event),
        timesOn(span, day, zone),
        event.status === "maybe" && "tentative",
        !event.busy && "free",
        event.location,
    ]
        .filter(Boolean)
        .join(", ");
}

/** "1 hour 30 minutes", "2 days". */
export function lengthWords({ wholeDays, first, last, start, end }: Span): string {
    const minutes = wholeDays ? (Date.parse(last) - Date.parse(first)) / 60_000 + 1440 : Math.round((end - start) / 60);
    const units: [number, string][] = [
        [Math.floor(minutes / 1440), "day"],
        [Math.floor((minutes % 1440) / 60), "hour"],
        [minutes % 60, "minute"],
    ];
    return units
        .filter(([count]) => count)
        .map(([count, unit]) => `${count} ${unit}${count === 1 ? "" : "s"}`)
        .join(" ");
}

/** "Europe/Berlin, UTC+1, from 29 March 2026 UTC+2". */
export function zoneWords(zone: Zone, days: Day[]): string {
    const [first = "", last = first] = [days[0], days.at(-1)];
    const [from, to] = [zone.start(first), zone.start(last)];
    const [before, after] = [zone.offset(from), zone.offset(to + 86_399)];
    if (before === after) {
        return `${zone.name}, ${offsetWords(before)}`;
    }
    const changed = days.find((day) => zone.offset(zone.start(day) + 86_399) !== before) ?? last;
    return `${zone.name}, ${offsetWords(before)}, from ${dateWords(changed)} ${offsetWords(after)}`;
}
