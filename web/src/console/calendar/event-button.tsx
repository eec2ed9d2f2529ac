/** An event, to be opened: as a bar across days, a block in its hours, or a line of a list. */

import type { ComponentChildren, CSSProperties } from "preact";
import { count as counted } from "../core/words";
import { type Day, dayWords } from "./days";
import type { Span } from "./layout";
import { spoken, timesOn, titleOf } from "./words";
import type { Zone } from "./zone";

/** What every view of a calendar is given. */
export interface Shown {
    spans: Span[];
    zone: Zone;
    /** The day in the tab order. */
    day: Day;
    today: Day;
    onDay: (day: Day) => void;
    onOpenDay: (day: Day) => void;
    onOpen: (id: string) => void;
}

/** What is seen, and what is heard in its place. */
export function Said({ words, children }: { words: string; children: ComponentChildren }) {
    return (
        <>
            <span class="visually-hidden">{words}</span>
            <span class="seen" aria-hidden="true">
                {children}
            </span>
        </>
    );
}

export function EventButton({
    span,
    day,
    zone,
    looks,
    style,
    onOpen,
    children,
}: {
    span: Span;
    day: Day;
    zone: Zone;
    looks: string;
    style?: CSSProperties;
    onOpen: (id: string) => void;
    children: ComponentChildren;
}) {
    const { event } = span;
    const words = spoken(span, day, zone);
    return (
        <button
            type="button"
            class={`event ${looks} ${event.busy && event.status !== "maybe" ? "" : "light"}`}
            style={style}
            tabIndex={-1}
            data-on={day}
            title={words}
            onClick={() => onOpen(event.id)}
        >
            <Said words={words}>{children}</Said>
        </button>
    );
}

/** A day's events as a list, each in the tab order. */
export function EventList({ spans, day, zone, onOpen }: Pick<Shown, "spans" | "day" | "zone" | "onOpen">) {
    return (
        <ul class="plain-list event-list">
            {spans.map((span) => (
                <li key={span.event.id}>
                    <button
                        type="button"
                        class={`event event-line ${span.event.busy && span.event.status !== "maybe" ? "" : "light"}`}
                        onClick={() => onOpen(span.event.id)}
                    >
                        <span class="event-times">{timesOn(span, day, zone)}</span>
                        <span class="event-what">
                            <strong>{titleOf(span.event)}</strong>
                            {span.event.location && <span class="second">{span.event.location}</span>}
                        </span>
                    </button>
                </li>
            ))}
        </ul>
    );
}

/** Events that found no room. Up and down come by here too. */
export function MoreButton({
    count,
    day,
    style,
    looks = "",
    onOpenDay,
}: {
    count: number;
    day: Day;
    style?: CSSProperties;
    looks?: string;
    onOpenDay: (day: Day) => void;
}) {
    return (
        <button
            type="button"
            class={`event-more ${looks}`}
            style={style}
            tabIndex={-1}
            data-on={day}
            onClick={() => onOpenDay(day)}
        >
            <Said words={`${count} more`}>
                +{count}
                <span class="word"> more</span>
            </Said>
        </button>
    );
}

/** How a day of a grid is heard, before its events. */
export function DayName({ day, today, number }: { day: Day; today: Day; number: number }) {
    return (
        <span class="visually-hidden">
            {dayWords(day)}
            {day === today && ", today"}, {counted(number, "event")}
        </span>
    );
}

/** The label that a bar wears once, on the first of its days, as wide as all of them. */
export function BarLabel({ span, day, zone, days }: { span: Span; day: Day; zone: Zone; days: number }) {
    const time = !span.wholeDays && span.first === day && timesOn(span, day, zone);
    return (
        <span class="bar-label" style={{ width: `calc(${days * 100}% - 0.6rem)` }}>
            {time && <span class="event-time">{time}</span>} {titleOf(span.event)}
        </span>
    );
}
