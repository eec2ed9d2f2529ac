/** Days of the calendar, without a time zone: "2026-03-29". Weeks begin on Monday. */

export type Day = string;

const MS = 86_400_000;
const FIRST = 1900;
const LAST = 2999;

/** From Monday. */
export const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] as const;
export const MONTHS = [
    ...["January", "February", "March", "April", "May", "June", "July"],
    ...["August", "September", "October", "November", "December"],
] as const;

/** The day that a text names, if it is one of the years that the server knows. */
export function dayOf(text: string | null): Day | undefined {
    if (!text || !/^\d{4}-\d{2}-\d{2}$/.test(text) || Number.isNaN(Date.parse(text))) {
        return undefined;
    }
    return iso(Date.parse(text)) === text && isKnown(text) ? text : undefined;
}

export function isKnown(day: Day): boolean {
    const { year } = parts(day);
    return year >= FIRST && year <= LAST;
}

export function iso(ms: number): Day {
    return new Date(ms).toISOString().slice(0, 10);
}

/** Milliseconds of its midnight in UTC. */
export function midnight(day: Day): number {
    return Date.parse(`${day}T00:00:00Z`);
}

export function parts(day: Day): { year: number; month: number; date: number } {
    const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
    return { year, month, date };
}

export function later(day: Day, days: number): Day {
    return iso(midnight(day) + days * MS);
}

/** How many days `to` is after `from`. */
export function between(from: Day, to: Day): number {
    return Math.round((midnight(to) - midnight(from)) / MS);
}

/** The same day of another month, or that month's last. */
export function otherMonth(day: Day, months: number): Day {
    const { year, month, date } = parts(day);
    const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
    return iso(Date.UTC(year, month - 1 + months, Math.min(date, last)));
}

/** From 0, Monday. */
export function weekday(day: Day): number {
    return (new Date(midnight(day)).getUTCDay() + 6) % 7;
}

export function monday(day: Day): Day {
    return later(day, -weekday(day));
}

export function week(day: Day): Day[] {
    const first = monday(day);
    return [0, 1, 2, 3, 4, 5, 6].map((days) => later(first, days));
}

/** The whole weeks that its month lies in. */
export function weeksOfMonth(day: Day): Day[][] {
    const first = `${day.slice(0, 7)}-01`;
    const weeks: Day[][] = [];
    for (let at = monday(first); at < otherMonth(first, 1); at = later(at, 7)) {
        weeks.push(week(at));
    }
    return weeks;
}

/** "Monday 30 March 2026". */
export function dayWords(day: Day): string {
    return `${WEEKDAYS[weekday(day)]} ${dateWords(day)}`;
}

/** "30 March 2026". */
export function dateWords(day: Day): string {
    const { year, month, date } = parts(day);
    return `${date} ${MONTHS[month - 1]} ${year}`;
}

/** "March 2026". */
export function monthWords(day: Day): string {
    const { year, month } = parts(day);
    return `${MONTHS[month - 1]} ${year}`;
}

/** "30 March – 5 April 2026": what both ends share is said once. */
export function rangeWords(from: Day, to: Day): string {
    const first = parts(from);
    const last = parts(to);
    if (from === to) {
        return dateWords(from);
    }
    if (first.year !== last.year) {
        return `${dateWords(from)} – ${dateWords(to)}`;
    }
    const month = first.month === last.month ? "" : ` ${MONTHS[first.month - 1]}`;
    return `${first.date}${month} – ${dateWords(to)}`;
}
