/** A relative time; the pointer shows the exact time in the reader's zone. */

import { signal } from "@preact/signals";

/** Milliseconds, every quarter of a minute. */
export const now = signal(Date.now());
setInterval(() => {
    now.value = Date.now();
}, 15_000);

const EXACT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });
const TO_THE_SECOND = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
    ["year", 31_536_000],
    ["month", 2_592_000],
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
];

export function relative(at: number, from: number): string {
    const seconds = at - from;
    for (const [unit, length] of UNITS) {
        if (Math.abs(seconds) >= length) {
            return RELATIVE.format(Math.round(seconds / length), unit);
        }
    }
    return seconds > 20 ? "in a moment" : "just now";
}

export function exact(at: number): string {
    return EXACT.format(at * 1000);
}

/** `at` in Unix seconds. */
export function Time({ at }: { at: number }) {
    return (
        <time dateTime={new Date(at * 1000).toISOString()} title={exact(at)}>
            {relative(at, now.value / 1000)}
        </time>
    );
}

/** To the second, for comparison with other records. */
export function Moment({ at }: { at: number }) {
    return (
        <time class="moment-exact" dateTime={new Date(at * 1000).toISOString()} title={exact(at)}>
            {TO_THE_SECOND.format(at * 1000)}
            <span class="soft second">{relative(at, now.value / 1000)}</span>
        </time>
    );
}

/** A future time; "due" once it has passed. */
export function Due({ at }: { at: number }) {
    const seconds = at - now.value / 1000;
    if (seconds <= 0) {
        return <>due now</>;
    }
    return seconds < 60 ? <>within a minute</> : <Time at={at} />;
}
