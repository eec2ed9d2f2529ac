/** One calendar: a week, or a month, of its events, on its own clock. */

import { useMemo, useState } from "preact/hooks";
import { Dialog, Notice } from "../../shared/parts";
import { get, page, path } from "../core/api";
import { useLoad } from "../core/load";
import { go, href } from "../core/route";
import type { Calendar, Grant } from "../core/wire";
import { Failure } from "../parts/failure";
import { Empty, Shown } from "../parts/loading";
import { useIsNarrow } from "../parts/narrow";
import { Page } from "../parts/page";
import { now } from "../parts/time";
import { Agenda } from "./agenda";
import { HowToCreate } from "./create";
import { type Day, dayWords, week, weeksOfMonth } from "./days";
import { EventList } from "./event-button";
import { EventPanel } from "./event-panel";
import { inOrder, isOn, type Span, spanOf } from "./layout";
import { eventsOf, MOST_EVENTS } from "./load";
import { Month } from "./month";
import { useShows, type View } from "./place";
import { Toolbar } from "./toolbar";
import { Week } from "./week";
import { Zone } from "./zone";

const MOST_CALENDARS = 200;

export function CalendarPage({ grant: id, calendar: wanted }: { grant: string; calendar: string }) {
    const loaded = useLoad(
        async (signal) => {
            const [grant, calendars] = await Promise.all([
                get<Grant>(path`/v3/grants/${id}`, {}, signal),
                page<Calendar>(path`/v3/grants/${id}/calendars`, { limit: MOST_CALENDARS }, signal),
            ]);
            return { grant, calendars: calendars.rows };
        },
        [id],
    );
    const all = loaded.data?.calendars ?? [];
    const calendar = all.find((one) => one.id === wanted || (wanted === "primary" && one.is_primary));
    return (
        <Page
            title={calendar?.name ?? "Calendar"}
            back={{ href: href(["grants", id]), label: loaded.data?.grant.email ?? "Grant" }}
            lead={calendar && [calendar.description, calendar.location].filter(Boolean).join(" · ")}
            actions={all.length > 1 && <Picker of={all} chosen={calendar?.id} grant={id} />}
        >
            <Shown of={loaded} what="the calendar">
                {() =>
                    calendar ? (
                        <CalendarView key={calendar.id} grant={id} calendar={calendar} />
                    ) : (
                        <Empty title="There is no such calendar">
                            <p>
                                It may have been deleted. <a href={href(["grants", id])}>Go to the grant</a>.
                            </p>
                        </Empty>
                    )
                }
            </Shown>
        </Page>
    );
}

function Picker({ of: calendars, chosen, grant }: { of: Calendar[]; chosen: string | undefined; grant: string }) {
    return (
        <select
            class="input"
            aria-label="Calendar"
            value={chosen ?? ""}
            onChange={({ currentTarget }) => go(["grants", grant, "calendars", currentTarget.value])}
        >
            {chosen === undefined && <option value="">Choose a calendar</option>}
            {calendars.map(({ id, name }) => (
                <option key={id} value={id}>
                    {name}
                </option>
            ))}
        </select>
    );
}

/** Without a time zone, or with one that this browser does not know, days are those of UTC. */
function zoneOf(name: string | undefined): { zone: Zone; unknown: string | undefined } {
    try {
        return { zone: new Zone(name ?? "UTC"), unknown: undefined };
    } catch {
        return { zone: new Zone("UTC"), unknown: name };
    }
}

function daysOf(view: View, day: Day): Day[] {
    return view === "week" ? week(day) : weeksOfMonth(day).flat();
}

function CalendarView({ grant, calendar }: { grant: string; calendar: Calendar }) {
    const { zone, unknown } = useMemo(() => zoneOf(calendar.timezone), [calendar.timezone]);
    const today = zone.wall(now.value / 1000).day;
    const [{ view, day, event: open }, show] = useShows(today);
    const [openDay, setOpenDay] = useState<Day>();
    const isNarrow = useIsNarrow();
    const days = daysOf(view, day);
    const loaded = useLoad((signal) => eventsOf(grant, calendar.id, days, zone, signal), [days[0], days.length]);
    const spans = useMemo(() => (loaded.data?.events ?? []).map((event) => spanOf(event, zone)), [loaded.data, zone]);
    const within = view === "week" ? days : days.filter((one) => one.slice(0, 7) === day.slice(0, 7));
    const isEmpty = !loaded.loading && !loaded.problem && !spans.some((span) => within.some((one) => isOn(span, one)));
    const shown = {
        ...{ spans, zone, day, today },
        onDay: (day: Day) => show({ day }),
        onOpenDay: (day: Day) => {
            show({ day });
            setOpenDay(day);
        },
        onOpen: (id: string) => {
            setOpenDay(undefined);
            show({ event: id });
        },
    };
    const Grid = view === "week" ? Week : Month;
    return (
        <div class="calendar" style={{ "--calendar": calendar.hex_color }}>
            <Toolbar
                view={view}
                day={day}
                today={today}
                zone={zone}
                days={within}
                loading={loaded.loading}
                show={show}
            />
            {unknown && (
                <Notice tone="warn">
                    <p>This browser does not know the time zone {unknown}: all times are those of UTC.</p>
                </Notice>
            )}
            <Failure problem={loaded.problem} again={loaded.reload} />
            {loaded.data?.more && !loaded.stale && (
                <Notice tone="warn">
                    <p>
                        These are the first {MOST_EVENTS.toLocaleString("en")} events of this {view}; there are more.
                    </p>
                </Notice>
            )}
            <div class="calendar-shown" aria-busy={loaded.loading}>
                {isNarrow ? <Agenda {...shown} days={within} /> : <Grid {...shown} />}
            </div>
            {isEmpty && (
                <Empty title={`No events in this ${view}`}>
                    <HowToCreate grant={grant} calendar={calendar.id} zone={zone} day={day} />
                </Empty>
            )}
            {!isNarrow && <Keys view={view} />}
            {openDay && (
                <DayPanel
                    spans={spans}
                    zone={zone}
                    of={openDay}
                    onOpen={shown.onOpen}
                    onClose={() => setOpenDay(undefined)}
                />
            )}
            {open && (
                <EventPanel
                    source={{ grant, calendar: calendar.id, zone }}
                    id={open}
                    known={spans.find(({ event }) => event.id === open)?.event}
                    onOpen={(id, day) => show({ event: id, day })}
                    onClose={() => show({ event: undefined })}
                />
            )}
        </div>
    );
}

function Keys({ view }: { view: View }) {
    return (
        <p class="soft small">
            Keyboard: ← and → go by day, {view === "week" ? "↑ and ↓ through the events of a day" : "↑ and ↓ by week"},
            Page up and Page down by {view}, Enter opens.
        </p>
    );
}

function DayPanel({
    of: day,
    spans,
    zone,
    onOpen,
    onClose,
}: {
    of: Day;
    spans: Span[];
    zone: Zone;
    onOpen: (id: string) => void;
    onClose: () => void;
}) {
    const here = inOrder(spans.filter((span) => isOn(span, day)));
    return (
        <Dialog title={dayWords(day)} class="panel" onClose={onClose}>
            <button type="button" class="button panel-close" onClick={onClose}>
                Close
            </button>
            {here.length ? (
                <EventList spans={here} day={day} zone={zone} onOpen={onOpen} />
            ) : (
                <p class="soft">No events on this day.</p>
            )}
        </Dialog>
    );
}
