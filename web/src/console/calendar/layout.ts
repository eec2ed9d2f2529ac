/** Where events stand: on which days, in which lane of whole days, in which column beside what overlaps. */

import type { Event } from "../core/wire.ts";
import { between, type Day, later } from "./days.ts";
import { type Change, clock, type Zone } from "./zone.ts";

/** An event on the calendar's days. `start` and `end` in Unix seconds, `end` after the last of it. */
export interface Span {
    event: Event;
    wholeDays: boolean;
    first: Day;
    last: Day;
    start: number;
    end: number;
    /** It fills whole days, or a day's length: it lies across days. */
    isBar: boolean;
}

const DAY = 86_400;

export function spanOf(event: Event, zone: Zone): Span {
    const { date, start_date, end_date, start_time = 0, end_time = start_time } = event.when;
    const first = date ?? start_date;
    if (first !== undefined) {
        const last = date ?? end_date ?? first;
        const [start, end] = [zone.start(first), zone.start(later(last, 1))];
        return { event, wholeDays: true, first, last, start, end, isBar: true };
    }
    return {
        event,
        wholeDays: false,
        first: zone.wall(start_time).day,
        last: zone.wall(Math.max(start_time, end_time - 1)).day,
        start: start_time,
        end: end_time,
        isBar: end_time - start_time >= DAY,
    };
}

export function isOn(span: Span, day: Day): boolean {
    return span.first <= day && day <= span.last;
}

/** Bars first, then by time: the order in which a day is read. */
export function inOrder(spans: Span[]): Span[] {
    return spans.toSorted((a, b) => Number(b.isBar) - Number(a.isBar) || a.start - b.start || b.end - a.end);
}

// ── bars across days ──────────────────────────────────────────────────────────────────────────────────────────

/** `from` and `to` count the days that are shown, both included. Its title is written on the first of them. */
export interface Bar {
    span: Span;
    from: number;
    to: number;
    lane: number;
}

/** The bars of consecutive days, each in the first lane that is free on all of its days. */
export function bars(spans: Span[], days: Day[]): Bar[] {
    const [first, last] = [days[0] ?? "", days.at(-1) ?? ""];
    const ends: number[] = []; // by lane, the last day that is taken
    return inOrder(spans.filter((span) => span.isBar && span.first <= last && first <= span.last)).map((span) => {
        const from = Math.max(0, between(first, span.first));
        const to = Math.min(days.length - 1, between(first, span.last));
        const free = ends.findIndex((end) => end < from);
        const lane = free < 0 ? ends.length : free;
        ends[lane] = to;
        return { span, from, to, lane };
    });
}

// ── hours ─────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Hour {
    /** Minutes from the top. */
    at: number;
    label: string;
}

interface Course {
    start: number;
    end: number;
    change: Change | undefined;
}

/**
 * The minutes of a week's days, side by side. An hour that a day has twice has two places on each day, and is struck
 * out on the others; so is an hour that a day does not have.
 */
export class Hours {
    readonly total: number;
    readonly labels: Hour[];
    private readonly courses: Map<Day, Course>;
    /** The clock that is put back in these days: the first, should there be several. */
    private readonly back: Change | undefined;
    private readonly repeated: number;
    private readonly zone: Zone;

    constructor(days: Day[], zone: Zone) {
        this.zone = zone;
        this.courses = new Map(
            days.map((day) => {
                const [start, end] = [zone.start(day), zone.start(later(day, 1))];
                return [day, { start, end, change: zone.change(start, end) }];
            }),
        );
        this.back = [...this.courses.values()].map(({ change }) => change).find((one) => one && one.after < one.before);
        this.repeated = this.back ? this.back.before - this.back.after : 0;
        this.total = 1440 + this.repeated;
        this.labels = this.labelled();
    }

    /** How long a day is, in hours. */
    length(day: Day): number {
        const { start, end } = this.course(day);
        return (end - start) / 3600;
    }

    /** Minutes from the top at which an instant stands; what is before or after the day stands at its ends. */
    place(day: Day, at: number): number {
        const { start, end, change } = this.course(day);
        if (at >= end) {
            return this.total;
        }
        const instant = Math.max(at, start);
        const isSecond = change !== undefined && change === this.back && instant >= change.at;
        return this.on(this.zone.wall(instant).minutes, isSecond);
    }

    /** What a day does not have, in minutes from the top. */
    missing(day: Day): [from: number, to: number][] {
        const { start, end, change } = this.course(day);
        if (end <= start) {
            return [[0, this.total]]; // a day that the zone skipped
        }
        const gaps: [number, number][] = [[0, this.on(this.zone.wall(start).minutes)]];
        if (change && change.after > change.before) {
            gaps.push([this.on(change.before), this.on(change.after)]);
        }
        if (this.back && change !== this.back) {
            gaps.push([this.back.before, this.back.before + this.repeated]);
        }
        const last = Math.round(this.zone.wall(end - 1).minutes + 1 / 60);
        if (last > 1 && !(change && change === this.back)) {
            gaps.push([last >= 1440 ? this.total : this.on(last), this.total]);
        }
        return gaps.filter(([from, to]) => to - from > 0.5);
    }

    private on(minutes: number, isSecond = false): number {
        return this.back && (isSecond || minutes >= this.back.before) ? minutes + this.repeated : minutes;
    }

    private course(day: Day): Course {
        return this.courses.get(day) ?? { start: 0, end: 0, change: undefined };
    }

    private labelled(): Hour[] {
        const labels = Array.from({ length: 24 }, (_, hour) => ({ at: this.on(hour * 60), label: clock(hour * 60) }));
        if (this.back) {
            labels.push({ at: this.back.before, label: `${clock(this.back.after)} again` });
        }
        return labels.toSorted((a, b) => a.at - b.at);
    }
}

// ── columns of a day ──────────────────────────────────────────────────────────────────────────────────────────

/** In minutes from the top; `column` of `columns`, which are equally wide. */
export interface Block {
    span: Span;
    top: number;
    height: number;
    column: number;
    columns: number;
}

/** What found no room beside the others: the last column counts it. */
export interface Rest extends Omit<Block, "span"> {
    count: number;
}

/** What is shorter is drawn as long as this, so that its title can be read. */
const LEAST = 25;
/** More columns than these are too narrow to read. */
const MOST_COLUMNS = 3;

/** The timed events of a day; those that overlap stand side by side. */
export function blocks(spans: Span[], day: Day, hours: Hours): { blocks: Block[]; rest: Rest[] } {
    const placed = inOrder(spans.filter((span) => !span.isBar && isOn(span, day))).map((span) => {
        const top = Math.min(hours.place(day, span.start), hours.total - LEAST);
        return { span, top, height: Math.max(LEAST, hours.place(day, span.end) - top), column: 0, columns: 1 };
    });
    placed.sort((a, b) => a.top - b.top || b.height - a.height);
    const found: { blocks: Block[]; rest: Rest[] } = { blocks: [], rest: [] };
    let group: Block[] = [];
    let bottom = 0;
    const close = () => {
        const columns = Math.max(...group.map(({ column }) => column + 1), 0);
        for (const block of group) {
            block.columns = Math.min(columns, MOST_COLUMNS);
        }
        const kept = columns > MOST_COLUMNS ? MOST_COLUMNS - 1 : columns;
        const hidden = group.filter(({ column }) => column >= kept);
        if (hidden.length) {
            const top = Math.min(...hidden.map((one) => one.top));
            const height = Math.max(...hidden.map((one) => one.top + one.height)) - top;
            found.rest.push({ count: hidden.length, top, height, column: kept, columns: MOST_COLUMNS });
        }
        found.blocks.push(...group.filter(({ column }) => column < kept));
        group = [];
    };
    for (const block of placed) {
        if (block.top >= bottom) {
            close();
            bottom = 0;
        }
        const taken = new Set(group.filter((one) => one.top + one.height > block.top).map(({ column }) => column));
        while (taken.has(block.column)) {
            block.column += 1;
        }
        group.push(block);
        bottom = Math.max(bottom, block.top + block.height);
    }
    close();
    return found;
}
