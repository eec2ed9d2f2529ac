/** An event in a panel: when, where, who, how it repeats, and what is kept with it. */

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { Badge, Copy, Dialog, Loading, type Tone } from "../../shared/parts";
import { get, page, path } from "../core/api";
import { useLoad } from "../core/load";
import type { Event } from "../core/wire";
import { Facts } from "../parts/facts";
import { Failure } from "../parts/failure";
import { exact } from "../parts/time";
import { type Day, later } from "./days";
import { MoreFacts, Participants } from "./event-parts";
import { spanOf } from "./layout";
import { recurrenceWords } from "./recurrence";
import { lengthWords, titleOf, whenWords } from "./words";
import { offsetWords, Zone } from "./zone";

export interface Source {
    grant: string;
    calendar: string;
    zone: Zone;
}

const NEXT = 5;
const YEAR = 366 * 86_400;

export function EventPanel({
    source,
    id,
    known,
    onOpen,
    onClose,
}: {
    source: Source;
    id: string;
    /** What the calendar has read of it. */
    known: Event | undefined;
    onOpen: (id: string, day: Day) => void;
    onClose: () => void;
}) {
    const loaded = useLoad((signal) => (known ? Promise.resolve(known) : read(source, id, signal)), [id]);
    const event = loaded.stale ? undefined : loaded.data;
    return (
        <Dialog title={event ? titleOf(event) : "Event"} class="panel" onClose={onClose}>
            <button type="button" class="button panel-close" onClick={onClose}>
                Close
            </button>
            <Failure problem={loaded.problem} again={loaded.reload} />
            {!event && !loaded.problem && <Loading what="Loading the event" />}
            {event && <Content key={event.id} event={event} source={source} onOpen={onOpen} />}
        </Dialog>
    );
}

function read({ grant, calendar }: Source, id: string, signal: AbortSignal): Promise<Event> {
    return get(path`/v3/grants/${grant}/events/${id}`, { calendar_id: calendar }, signal);
}

function Content({ event, source, onOpen }: { event: Event; source: Source; onOpen: (id: string, day: Day) => void }) {
    const { zone } = source;
    const span = spanOf(event, zone);
    const isSeries = event.recurrence !== undefined || event.master_event_id !== undefined;
    return (
        <div class="panel-body">
            <p class="inline-list">
                <State event={event} />
            </p>
            <Facts
                of={
                    [
                        [
                            "When",
                            <>
                                {whenWords(span, zone)}
                                <span class="soft second">
                                    {span.end > span.start && `${lengthWords(span)}, `}
                                    {zone.name}
                                </span>
                                <OwnZone event={event} zone={zone} />
                            </>,
                        ],
                        ["Where", event.location],
                        ["How to join", <Joining key="join" of={event.conferencing} />],
                    ].filter(([name]) => name !== "How to join" || event.conferencing) as [string, ComponentChildren][]
                }
            />
            {isSeries && <Series event={event} source={source} onOpen={onOpen} />}
            <Participants event={event} />
            {event.description && (
                <section>
                    <h3>Description</h3>
                    <p class="event-text">{event.text_description ?? event.description}</p>
                </section>
            )}
            <MoreFacts event={event} />
            <p class="soft small">
                Created {exact(event.created_at)}, changed {exact(event.updated_at)}
            </p>
            <p class="copy-id">
                <code>{event.id}</code> <Copy text={event.id} what="the event’s id" />
            </p>
        </div>
    );
}

function State({ event }: { event: Event }) {
    const states: [boolean, Tone, string][] = [
        [event.status === "cancelled", "wrong", "Cancelled"],
        [event.status === "maybe", "warn", "Tentative"],
        [event.busy, "accent", "Busy"],
        [!event.busy, "neutral", "Free"],
        [event.visibility === "private", "neutral", "Private"],
        [event.read_only, "neutral", "Read only"],
        [event.recurrence !== undefined, "neutral", "Series"],
        [event.master_event_id !== undefined, "neutral", "Of a series"],
    ];
    return (
        <>
            {states.map(
                ([holds, tone, word]) =>
                    holds && (
                        <Badge key={word} tone={tone}>
                            {word}
                        </Badge>
                    ),
            )}
        </>
    );
}

/** The same on the event's own clock, where that shows another time. */
function OwnZone({ event, zone }: { event: Event; zone: Zone }) {
    const own = zoneOf(event, zone);
    if (own === zone || own.offset(event.when.start_time ?? 0) === zone.offset(event.when.start_time ?? 0)) {
        return null;
    }
    return (
        <span class="soft second">
            {whenWords(spanOf(event, own), own)} in {own.name}, {offsetWords(own.offset(event.when.start_time ?? 0))}
        </span>
    );
}

/** Only addresses of the web become links: what stands there was written by others. */
function Joining({ of: conferencing }: { of: Event["conferencing"] }) {
    const details = (conferencing?.details ?? {}) as Record<string, unknown>;
    const { url, ...rest } = details;
    const isWeb = typeof url === "string" && /^https?:\/\//i.test(url);
    return (
        <>
            {String(conferencing?.provider ?? "")}
            <span class="second">
                {isWeb ? (
                    <a href={url} rel="noreferrer" target="_blank">
                        {url}
                    </a>
                ) : (
                    String(url ?? "")
                )}
            </span>
            {Object.entries(rest).map(([name, value]) => (
                <span key={name} class="soft second">
                    {name.replaceAll("_", " ")}: {Array.isArray(value) ? value.join(", ") : String(value)}
                </span>
            ))}
        </>
    );
}

// ── the series ────────────────────────────────────────────────────────────────────────────────────────────────

function Series({ event, source, onOpen }: { event: Event; source: Source; onOpen: (id: string, day: Day) => void }) {
    const { zone } = source;
    const master = event.master_event_id;
    const series = useLoad(
        (signal) => (master === undefined ? Promise.resolve(event) : read(source, master, signal)),
        [event.id],
    );
    const next = useLoad((signal) => following(source, event, signal), [event.id]);
    return (
        <section>
            <h3>Series</h3>
            <Failure problem={series.problem} again={series.reload} />
            {series.data ? <Rule series={series.data} event={event} zone={zone} /> : series.loading && <Loading />}
            <Failure problem={next.problem} again={next.reload} />
            {next.data && next.data.length > 0 && (
                <>
                    <h4>{master === undefined ? "Next" : "After this one"}</h4>
                    <ul class="plain-list next">
                        {next.data.map((one) => {
                            const span = spanOf(one, zone);
                            return (
                                <li key={one.id}>
                                    <button type="button" class="link" onClick={() => onOpen(one.id, span.first)}>
                                        {whenWords(span, zone)}
                                    </button>
                                </li>
                            );
                        })}
                    </ul>
                </>
            )}
            {next.data?.length === 0 && <p class="soft">Nothing follows within a year.</p>}
        </section>
    );
}

/** The occurrences after this one; of a whole series those to come. */
async function following({ grant, calendar, zone }: Source, event: Event, signal: AbortSignal): Promise<Event[]> {
    const span = spanOf(event, zone);
    const isMaster = event.master_event_id === undefined;
    const start = isMaster
        ? Math.floor(Date.now() / 1000)
        : span.wholeDays
          ? zone.start(later(span.last, 1))
          : span.end + 1;
    const found = await page<Event>(
        path`/v3/grants/${grant}/events`,
        {
            calendar_id: calendar,
            master_event_id: event.master_event_id ?? event.id,
            start,
            end: start + YEAR,
            limit: NEXT,
        },
        signal,
    );
    return found.rows.filter(({ id }) => id !== event.id);
}

function Rule({ series, event, zone }: { series: Event; event: Event; zone: Zone }) {
    const own = zoneOf(series, zone);
    const words = useMemo(() => {
        const { first, wholeDays, start } = spanOf(series, own);
        const begins = wholeDays ? { day: first } : { day: first, minutes: own.wall(start).minutes };
        return recurrenceWords(series.recurrence ?? [], begins, own);
    }, [series]);
    const moved = movedFrom(event, series, zone);
    const changed = event === series ? [] : CHANGEABLE.filter((name) => !isSame(event[name], series[name]));
    return (
        <>
            {words.map((line) => (
                <p key={line}>{line}.</p>
            ))}
            <p class="soft">Since {whenWords(spanOf(series, zone), zone)}.</p>
            {moved && <p>This occurrence was moved from {moved}.</p>}
            {changed.length > 0 && <p>This occurrence differs in its {changed.join(", ")}.</p>}
        </>
    );
}

const CHANGEABLE = ["title", "location", "description", "participants", "conferencing", "busy", "metadata"] as const;

function isSame(one: unknown, other: unknown): boolean {
    return JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
}

/** An occurrence's id ends with when the series has it; undefined when that is when it is. */
function movedFrom(event: Event, series: Event, zone: Zone): string | undefined {
    const [, day, time] = /_(\d{8})(?:T(\d{6})Z)?$/.exec(event.id) ?? [];
    if (event === series || day === undefined) {
        return undefined;
    }
    const date = day.replace(/(....)(..)(..)/, "$1-$2-$3");
    const span = spanOf(event, zone);
    const length = spanOf(series, zone);
    if (time === undefined) {
        const when = { object: "date", date };
        return date === span.first ? undefined : whenWords(spanOf({ ...event, when }, zone), zone);
    }
    const at = Date.parse(`${date}T${time.replace(/(..)(..)(..)/, "$1:$2:$3")}Z`) / 1000;
    const when = { object: "timespan", start_time: at, end_time: at + length.end - length.start };
    return at === span.start ? undefined : whenWords(spanOf({ ...event, when }, zone), zone);
}

/** The event's own; the calendar's where it names none, or one that this browser does not know. */
function zoneOf(event: Event, calendars: Zone): Zone {
    const name = event.when.start_timezone;
    if (!name || name === calendars.name) {
        return calendars;
    }
    try {
        return new Zone(name);
    } catch {
        return calendars;
    }
}
