/** What RRULE, EXDATE and RDATE lines say, as people say it: "Every Monday and Wednesday until 3 June 2026". */

import { type Day, dateWords, later, MONTHS, parts as partsOf, WEEKDAYS, weekday } from "./days.ts";
import { clock, type Zone } from "./zone.ts";

/** How the first occurrence begins. `minutes` of the day; absent where whole days repeat. */
export interface Beginning {
    day: Day;
    minutes?: number;
}

const UNITS: Record<string, string> = {
    YEARLY: "year",
    MONTHLY: "month",
    WEEKLY: "week",
    DAILY: "day",
    HOURLY: "hour",
    MINUTELY: "minute",
    SECONDLY: "second",
};
const CODES = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const ORDINALS = ["", "first", "second", "third", "fourth", "fifth"];
/** Dates that are named; of more the number is. */
const MOST_DATES = 4;

/** A sentence for each line, without a full stop. `zone`: the series' own. A rule that has no words is quoted. */
export function recurrenceWords(lines: string[], begins: Beginning, zone: Zone): string[] {
    const said: string[] = [];
    const dates: Record<string, Day[]> = { EXDATE: [], RDATE: [] };
    for (const line of lines) {
        const colon = line.indexOf(":");
        const name = (line.slice(0, colon).split(";")[0] ?? "").trim().toUpperCase();
        const value = line.slice(colon + 1).trim();
        if (name === "RRULE") {
            said.push(ruleWords(value, begins, zone) ?? `By the rule ${value}`);
        } else if (name in dates) {
            dates[name]?.push(...value.split(",").flatMap((one) => dayOfStamp(one, zone)?.day ?? []));
        } else {
            said.push(line);
        }
    }
    return [...said, ...datesWords("Also on", dates.RDATE), ...datesWords("Except on", dates.EXDATE)];
}

function datesWords(start: string, days: Day[] = []): string[] {
    const each = [...new Set(days)].toSorted();
    if (each.length === 0) {
        return [];
    }
    const rest = each.length > MOST_DATES ? [`${each.length - MOST_DATES + 1} more days`] : [];
    const named = rest.length ? each.slice(0, MOST_DATES - 1) : each;
    return [`${start} ${listed([...named.map(dateWords), ...rest])}`];
}

function ruleWords(text: string, begins: Beginning, zone: Zone): string | undefined {
    const rule = new Map<string, string>();
    for (const part of text.toUpperCase().split(";").filter(Boolean)) {
        const [name = "", value = ""] = part.split("=", 2);
        rule.set(name.trim(), value.trim());
    }
    const unit = UNITS[rule.get("FREQ") ?? ""];
    const [interval = 0] = numbersOf(rule.get("INTERVAL") ?? "1") ?? [];
    const days = weekdaysOf(rule.get("BYDAY"));
    const when = unit && days && onWords(unit, rule, days, begins);
    if (!unit || !days || when === undefined || interval < 1) {
        return undefined;
    }
    const end = endWords(rule, begins, zone);
    if (end === undefined) {
        return undefined;
    }
    return `${everyWords(unit, interval, days, rule)}${when}${timesWords(rule, begins)}${weekStart(unit, interval, rule)}${end}`;
}

/** "Every Monday and Wednesday", "Every 2 weeks": where weekdays are all that a weekly rule says, they stand here. */
function everyWords(unit: string, interval: number, days: Weekday[], rule: Map<string, string>): string {
    if (standsAlone(unit, rule) && days.length && interval === 1) {
        return `Every ${weekdayWords(days)}`;
    }
    return interval === 1 ? `Every ${unit}` : `Every ${interval.toLocaleString("en")} ${unit}s`;
}

function standsAlone(unit: string, rule: Map<string, string>): boolean {
    return (unit === "week" || unit === "day") && !rule.has("BYSETPOS");
}

/** "" where there is nothing to add; undefined where this has no words for it. */
function onWords(unit: string, rule: Map<string, string>, days: Weekday[], begins: Beginning): string | undefined {
    const numbers = (name: string) => numbersOf(rule.get(name));
    const [dates, yearDays, weeks, months, positions] = [
        numbers("BYMONTHDAY"),
        numbers("BYYEARDAY"),
        numbers("BYWEEKNO"),
        numbers("BYMONTH"),
        numbers("BYSETPOS"),
    ];
    if (!dates || !yearDays || !weeks || !months || !positions || months.some((one) => one < 1 || one > 12)) {
        return undefined;
    }
    const limits = [days, dates, yearDays, weeks].filter(({ length }) => length).length;
    const inMonths = months.length ? ` in ${listed(months.map((month) => MONTHS[month - 1] ?? ""))}` : "";
    const { month, date } = partsOf(begins.day);
    if (positions.length) {
        return limits === 1 && days.length && days.every(({ nth }) => nth === 0)
            ? ` on the ${listed(positions.map((one) => `${nthWords(one)} ${weekdayWords(days, "or")}`))}${inMonths}`
            : undefined;
    }
    if (standsAlone(unit, rule) && limits === Number(days.length > 0)) {
        const isSaid = Number(rule.get("INTERVAL") ?? 1) === 1 && days.length > 0;
        const own = unit === "week" && !days.length ? [{ nth: 0, day: weekday(begins.day) }] : days;
        return `${isSaid || !own.length ? "" : ` on ${weekdayWords(own)}`}${inMonths}`;
    }
    if (limits > 1) {
        const isDayAndDate = limits === 2 && days.length && dates.length && days.every(({ nth }) => nth === 0);
        // "Friday the 13th"
        return isDayAndDate
            ? ` on any ${weekdayWords(days, "or")} that is the ${datesOf(dates, "or")}${inMonths}`
            : undefined;
    }
    if (days.length) {
        return ` on ${days.some(({ nth }) => nth) ? nthDays(days) : `every ${weekdayWords(days)}`}${inMonths}`;
    }
    if (dates.length) {
        return unit === "year" && months.length === 1 && dates.every((one) => one > 0)
            ? ` on ${listed(dates.map(String))} ${MONTHS[(months[0] ?? 1) - 1]}`
            : ` on the ${datesOf(dates)}${unit === "year" && !months.length ? " of every month" : inMonths}`;
    }
    if (yearDays.length) {
        return ` on the ${listed(yearDays.map(countWords))} day of the year${inMonths}`;
    }
    if (weeks.length) {
        return ` on ${WEEKDAYS[weekday(begins.day)]} of week ${listed(weeks.map(String))}${inMonths}`;
    }
    if (unit === "year") {
        return months.length ? ` on the ${ordinal(date)}${inMonths}` : ` on ${date} ${MONTHS[month - 1]}`;
    }
    return unit === "month" ? ` on the ${ordinal(date)}${inMonths}` : inMonths;
}

function timesWords(rule: Map<string, string>, begins: Beginning): string {
    const [hours, minutes, seconds] = ["BYHOUR", "BYMINUTE", "BYSECOND"].map((name) => numbersOf(rule.get(name)) ?? []);
    if (hours?.length && !seconds?.length && hours.length * (minutes?.length || 1) <= 6) {
        const within = minutes?.length ? minutes : [Math.floor((begins.minutes ?? 0) % 60)];
        return ` at ${listed(hours.flatMap((hour) => within.map((minute) => clock(hour * 60 + minute))))}`;
    }
    const named: [string, number[] | undefined][] = [
        ["hour", hours],
        ["minute", minutes],
        ["second", seconds],
    ];
    return named.map(([unit, of]) => (of?.length ? `, at ${unit} ${listed(of.map(String))}` : "")).join("");
}

/** It matters only where weeks are skipped. */
function weekStart(unit: string, interval: number, rule: Map<string, string>): string {
    const day = CODES.indexOf(rule.get("WKST") ?? "MO");
    return unit === "week" && interval > 1 && day > 0 ? ` (weeks begin on ${WEEKDAYS[day]})` : "";
}

function endWords(rule: Map<string, string>, begins: Beginning, zone: Zone): string | undefined {
    const times = rule.get("COUNT");
    if (times !== undefined) {
        const [number] = numbersOf(times) ?? [];
        return number === undefined ? undefined : number === 1 ? ", once" : `, ${number.toLocaleString("en")} times`;
    }
    const until = rule.get("UNTIL");
    if (until === undefined) {
        return "";
    }
    const stamp = dayOfStamp(until, zone);
    if (!stamp) {
        return undefined;
    }
    // A series of mornings that ends before the morning ends on the day before.
    const isBefore = stamp.minutes !== undefined && begins.minutes !== undefined && stamp.minutes < begins.minutes;
    return ` until ${dateWords(isBefore && !rule.has("BYHOUR") ? later(stamp.day, -1) : stamp.day)}`;
}

/** "20260603", "20260603T090000" on the wall or "20260603T070000Z". */
function dayOfStamp(text: string, zone: Zone): { day: Day; minutes?: number } | undefined {
    const found = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z?))?$/.exec(text.trim());
    if (!found) {
        return undefined;
    }
    const [, year, month, date, hour, minute, second, isUtc] = found;
    const day = `${year}-${month}-${date}`;
    if (Number.isNaN(Date.parse(day))) {
        return undefined;
    }
    if (isUtc) {
        const at = Date.parse(`${day}T${hour}:${minute}:${second}Z`) / 1000;
        return Number.isNaN(at) ? undefined : zone.wall(at);
    }
    return hour === undefined ? { day } : { day, minutes: Number(hour) * 60 + Number(minute) };
}

// ── weekdays and numbers ──────────────────────────────────────────────────────────────────────────────────────

interface Weekday {
    /** The which of the month or year; 0: each. */
    nth: number;
    /** From 0, Monday. */
    day: number;
}

function weekdaysOf(text: string | undefined): Weekday[] | undefined {
    const found: Weekday[] = [];
    for (const one of text?.split(",") ?? []) {
        const [, nth, code = ""] = /^([+-]?\d{1,2})?([A-Z]{2})$/.exec(one.trim()) ?? [];
        if (!CODES.includes(code)) {
            return undefined;
        }
        found.push({ nth: Number(nth ?? 0), day: CODES.indexOf(code) });
    }
    return found.toSorted((a, b) => a.day - b.day);
}

function numbersOf(text: string | undefined): number[] | undefined {
    const found = text?.split(",") ?? [];
    return found.every((one) => /^[+-]?\d{1,6}$/.test(one)) ? found.map(Number) : undefined;
}

/** "Monday and Wednesday", "weekday", "day of the weekend", "day". */
function weekdayWords(days: Weekday[], joint = "and"): string {
    const set = [...new Set(days.map(({ day }) => day))].toSorted((a, b) => a - b);
    const as = set.join("");
    const known: Record<string, string> = { "01234": "weekday", "56": "day of the weekend", "0123456": "day" };
    return (
        known[as] ??
        listed(
            set.map((day) => WEEKDAYS[day] ?? "?"),
            joint,
        )
    );
}

function nthDays(days: Weekday[]): string {
    return listed(
        days
            .toSorted((a, b) => a.nth - b.nth || a.day - b.day)
            .map(({ nth, day }) => `${nth ? `the ${nthWords(nth)}` : "every"} ${WEEKDAYS[day]}`),
    );
}

/** "first", "last", "second last", "11th". */
function nthWords(nth: number): string {
    if (nth < 0) {
        return nth === -1 ? "last" : `${ORDINALS[-nth] ?? ordinal(-nth)} last`;
    }
    return ORDINALS[nth] ?? ordinal(nth);
}

function datesOf(dates: number[], joint = "and"): string {
    const each = dates.toSorted((a, b) => Number(a < 0) - Number(b < 0) || a - b);
    return listed(
        each.map((one) => (one < 0 ? `${nthWords(one)} day` : ordinal(one))),
        joint,
    );
}

/** "100th", "last", "second last". */
function countWords(nth: number): string {
    return nth < 0 ? nthWords(nth) : ordinal(nth);
}

function ordinal(number: number): string {
    const teen = Math.floor(number / 10) % 10 === 1;
    return `${number}${(!teen && ["th", "st", "nd", "rd"][number % 10]) || "th"}`;
}

function listed(words: string[], joint = "and"): string {
    return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} ${joint} ${words.at(-1)}`;
}
