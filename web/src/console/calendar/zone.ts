/** Wall clocks of a time zone, by the browser's own tables. Instants are Unix seconds. */

import { type Day, iso, midnight } from "./days.ts";

const DAY = 86_400;

export interface Wall {
    day: Day;
    /** Since the clock showed midnight; on a day whose clock was changed that is not how long ago it was. */
    minutes: number;
}

/** A jump of the clock. `before` and `after`: the minutes of the day that it shows up to it, and from it on. */
export interface Change {
    at: number;
    before: number;
    after: number;
}

export class Zone {
    readonly name: string;
    private readonly format: Intl.DateTimeFormat;

    /** Throws RangeError for a name that the browser does not know. */
    constructor(name: string) {
        this.name = name;
        this.format = new Intl.DateTimeFormat("en-US", {
            timeZone: name,
            hourCycle: "h23",
            ...{
                year: "numeric",
                month: "numeric",
                day: "numeric",
                hour: "numeric",
                minute: "numeric",
                second: "numeric",
            },
        });
    }

    /** Seconds that its clock is ahead of UTC. */
    offset(at: number): number {
        const shown: Record<string, number> = {};
        for (const { type, value } of this.format.formatToParts(at * 1000)) {
            shown[type] = Number(value);
        }
        const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown;
        return Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - Math.floor(at);
    }

    wall(at: number): Wall {
        const shown = at + this.offset(at);
        const day = iso(shown * 1000);
        return { day, minutes: (shown - midnight(day) / 1000) / 60 };
    }

    /** The first instant of a day. That is midnight, unless the clock skips it. */
    start(day: Day): number {
        const shown = midnight(day) / 1000;
        const [before, after] = [this.offset(shown - DAY), this.offset(shown + DAY)];
        const found = [shown - before, shown - after].filter((at) => at + this.offset(at) === shown);
        return found.length ? Math.min(...found) : shown - before;
    }

    /** When the clock jumps from `from` to before `to`, if it does. There is one jump at most. */
    change(from: number, to: number): Change | undefined {
        const old = this.offset(from);
        if (from >= to || this.offset(to - 1) === old) {
            return undefined;
        }
        let [before, after] = [from, to - 1];
        while (after - before > 1) {
            const middle = Math.floor((before + after) / 2);
            if (this.offset(middle) === old) {
                before = middle;
            } else {
                after = middle;
            }
        }
        return { at: after, before: Math.round(this.wall(before).minutes + 1 / 60), after: this.wall(after).minutes };
    }
}

/** "UTC+1", "UTC−3:30". */
export function offsetWords(seconds: number): string {
    const minutes = Math.round(Math.abs(seconds) / 60);
    const rest = minutes % 60;
    return minutes === 0
        ? "UTC"
        : `UTC${seconds < 0 ? "−" : "+"}${Math.floor(minutes / 60)}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
}

/** "09:05". */
export function clock(minutes: number): string {
    const whole = Math.floor(minutes);
    return `${String(Math.floor(whole / 60)).padStart(2, "0")}:${String(whole % 60).padStart(2, "0")}`;
}
