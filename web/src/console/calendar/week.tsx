/** A week by hours: whole days on top, what overlaps side by side. */

// biome-ignore-all lint/a11y/useSemanticElements: the rows of these grids are boxes, whose heights mean something
// biome-ignore-all lint/a11y/useFocusableInteractive: only days and events are gone to
import type { CSSProperties } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { now } from "../parts/time";
import { type Day, dayWords, parts, rangeWords, WEEKDAYS, week, weekday } from "./days";
import { BarLabel, DayName, EventButton, MoreButton, Said, type Shown } from "./event-button";
import { useGridKeys } from "./keys";
import { type Bar, type Block, bars, blocks, Hours, isOn } from "./layout";
import { timesOn, titleOf } from "./words";

/** More lanes would push the hours off the screen. */
const MOST_LANES = 5;
/** What is seen first; a little more than it, so that its label is. */
const FIRST_HOUR = 6.75;
const HOUR_REM = 2.9;

export function Week(shown: Shown) {
    const { spans, zone, day, onDay, onOpenDay } = shown;
    const days = week(day);
    const hours = useMemo(() => new Hours(week(day), zone), [days[0], zone]);
    const lying = useMemo(() => bars(spans, days), [spans, days[0]]);
    const { grid, onKeyDown } = useGridKeys({ view: "week", day, onDay, onOpen: onOpenDay });
    const scroller = useRef<HTMLDivElement>(null);
    useEffect(() => {
        const body = grid.current?.lastElementChild;
        if (scroller.current && body) {
            scroller.current.scrollTop = ((FIRST_HOUR * 60) / hours.total) * body.clientHeight;
        }
    }, []);
    return (
        <div class="card calendar-scroll" ref={scroller}>
            <div
                role="grid"
                tabIndex={-1}
                class="calendar-week"
                aria-label={`Week of ${rangeWords(days[0] ?? day, days[6] ?? day)}`}
                ref={grid}
                onKeyDown={onKeyDown}
            >
                <div role="rowgroup" class="pinned">
                    <Heads days={days} hours={hours} today={shown.today} onOpenDay={onOpenDay} />
                    <Bars {...shown} days={days} bars={lying} />
                </div>
                <div
                    role="row"
                    class="calendar-row"
                    tabIndex={-1}
                    style={{ height: `${(hours.total / 60) * HOUR_REM}rem` }}
                >
                    <div role="rowheader" class="gutter hours">
                        <span class="visually-hidden">Hours</span>
                        {hours.labels.slice(1).map(({ at, label }) => (
                            <span key={label} aria-hidden="true" style={{ top: percent(at, hours.total) }}>
                                {label}
                            </span>
                        ))}
                    </div>
                    {days.map((one) => (
                        <Column key={one} {...shown} of={one} hours={hours} />
                    ))}
                </div>
            </div>
        </div>
    );
}

function Heads({
    days,
    hours,
    today,
    onOpenDay,
}: {
    days: Day[];
    hours: Hours;
    today: Day;
    onOpenDay: (day: Day) => void;
}) {
    return (
        <div role="row" class="calendar-row heads">
            <div role="columnheader" class="gutter">
                <span class="visually-hidden">Time</span>
            </div>
            {days.map((day) => (
                <div role="columnheader" key={day} class={day === today ? "head today" : "head"}>
                    <button type="button" class="day-number" tabIndex={-1} onClick={() => onOpenDay(day)}>
                        <Said words={dayWords(day)}>
                            {WEEKDAYS[weekday(day)]?.slice(0, 3)} <strong>{parts(day).date}</strong>
                        </Said>
                    </button>
                    {hours.length(day) !== 24 && <span class="small">{hours.length(day)} hours</span>}
                </div>
            ))}
        </div>
    );
}

function Bars({ days, bars, zone, onOpen, onOpenDay }: Shown & { days: Day[]; bars: Bar[] }) {
    const lanes = Math.max(0, ...bars.map(({ lane }) => lane + 1));
    const kept = lanes > MOST_LANES ? MOST_LANES - 1 : lanes;
    return (
        <div role="row" class="calendar-row bars">
            <div role="rowheader" class="gutter small">
                All day
            </div>
            {days.map((day, index) => {
                const here = bars
                    .filter(({ from, to }) => from <= index && index <= to)
                    .sort((a, b) => a.lane - b.lane);
                const hidden = here.filter(({ lane }) => lane >= kept).length;
                return (
                    <div
                        role="gridcell"
                        class="lanes"
                        key={day}
                        tabIndex={-1}
                        style={{ "--lanes": Math.min(lanes, MOST_LANES) }}
                    >
                        {here
                            .filter(({ lane }) => lane < kept)
                            .map((bar) => (
                                <EventButton
                                    key={bar.span.event.id}
                                    span={bar.span}
                                    day={day}
                                    zone={zone}
                                    looks={barLooks(bar, index, day)}
                                    style={{ "--lane": bar.lane }}
                                    onOpen={onOpen}
                                >
                                    {bar.from === index && (
                                        <BarLabel span={bar.span} day={day} zone={zone} days={bar.to - bar.from + 1} />
                                    )}
                                </EventButton>
                            ))}
                        {hidden > 0 && (
                            <MoreButton
                                count={hidden}
                                day={day}
                                looks="lane"
                                style={{ "--lane": kept }}
                                onOpenDay={onOpenDay}
                            />
                        )}
                    </div>
                );
            })}
        </div>
    );
}

/** It is round where the event begins and ends, and goes on where it does. */
export function barLooks({ span, from, to }: Bar, index: number, day: Day): string {
    const begins = index === from && span.first === day;
    const ends = index === to && span.last === day;
    return `event-bar${index === from ? " labelled" : ""}${begins ? " begins" : ""}${ends ? " ends" : ""}`;
}

function Column({ of: day, hours, ...shown }: Shown & { of: Day; hours: Hours }) {
    const { spans, zone, today, onOpen, onOpenDay, onDay } = shown;
    const found = useMemo(() => blocks(spans, day, hours), [spans, day, hours]);
    const number = spans.filter((span) => isOn(span, day)).length;
    const { total } = hours;
    const seconds = Math.floor(now.value / 1000);
    return (
        <div
            role="gridcell"
            class={day === today ? "column today" : "column"}
            tabIndex={day === shown.day ? 0 : -1}
            data-day={day}
            data-column
            aria-selected={day === shown.day}
            onFocus={({ target, currentTarget }) => target === currentTarget && day !== shown.day && onDay(day)}
        >
            <DayName day={day} today={today} number={number} />
            {hours.labels.slice(1).map(({ at }) => (
                <span key={at} class="hour-line" style={{ top: percent(at, total) }} />
            ))}
            {hours.missing(day).map(([from, to]) => (
                <span
                    key={from}
                    class="missing"
                    title="The clock is changed: this day does not have this hour."
                    style={{ top: percent(from, total), height: percent(to - from, total) }}
                />
            ))}
            {found.blocks.map(({ span, ...place }) => (
                <EventButton
                    key={span.event.id}
                    span={span}
                    day={day}
                    zone={zone}
                    looks={`event-block${place.height < 45 ? " flat" : ""}`}
                    style={placed(place, total)}
                    onOpen={onOpen}
                >
                    <strong>{titleOf(span.event)}</strong> <span class="event-time">{timesOn(span, day, zone)}</span>
                    {span.event.location && place.height >= 75 && (
                        <span class="event-place">{span.event.location}</span>
                    )}
                </EventButton>
            ))}
            {found.rest.map(({ count, ...place }) => (
                <MoreButton
                    key={`+${place.top}`}
                    count={count}
                    day={day}
                    looks="block"
                    style={placed(place, total)}
                    onOpenDay={onOpenDay}
                />
            ))}
            {day === today && <span class="now" style={{ top: percent(hours.place(day, seconds), total) }} />}
        </div>
    );
}

function placed({ top, height, column, columns }: Omit<Block, "span">, total: number): CSSProperties {
    return {
        top: percent(top, total),
        height: percent(height, total),
        left: percent(column, columns),
        width: percent(1, columns),
    };
}

function percent(part: number, of: number): string {
    return `${(part / of) * 100}%`;
}
