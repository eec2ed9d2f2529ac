/** A month by whole weeks. Bars lie across their days; what finds no room is counted. */

// biome-ignore-all lint/a11y/useSemanticElements: the rows of these grids are boxes, whose heights mean something
// biome-ignore-all lint/a11y/useFocusableInteractive: only days and events are gone to
import type { ComponentChildren } from "preact";
import { type Day, dayWords, monthWords, parts, WEEKDAYS, weeksOfMonth } from "./days";
import { BarLabel, DayName, EventButton, MoreButton, type Shown } from "./event-button";
import { useGridKeys } from "./keys";
import { type Bar, bars, inOrder, isOn, type Span } from "./layout";
import { barLooks } from "./week";
import { titleOf } from "./words";
import { clock } from "./zone";

/** Lines of a day. */
const SLOTS = 4;

export function Month(shown: Shown) {
    const { spans, day, onDay, onOpenDay } = shown;
    const { grid, onKeyDown } = useGridKeys({ view: "month", day, onDay, onOpen: onOpenDay });
    return (
        <div
            role="grid"
            tabIndex={-1}
            class="card calendar-month"
            aria-label={monthWords(day)}
            ref={grid}
            onKeyDown={onKeyDown}
        >
            <div role="row" class="calendar-row heads">
                {WEEKDAYS.map((name) => (
                    <div role="columnheader" class="head" key={name} aria-label={name}>
                        {name.slice(0, 3)}
                    </div>
                ))}
            </div>
            {weeksOfMonth(day).map((days) => (
                <MonthWeek key={days[0]} {...shown} days={days} bars={bars(spans, days)} />
            ))}
        </div>
    );
}

function MonthWeek({ days, bars, ...shown }: Shown & { days: Day[]; bars: Bar[] }) {
    return (
        <div role="row" class="calendar-row">
            {days.map((day, index) => (
                <Cell
                    key={day}
                    {...shown}
                    of={day}
                    index={index}
                    bars={bars.filter(({ from, to }) => from <= index && index <= to)}
                />
            ))}
        </div>
    );
}

function Cell({ of: day, index, bars, ...shown }: Shown & { of: Day; index: number; bars: Bar[] }) {
    const { zone, today, onOpen, onOpenDay, onDay } = shown;
    const here = inOrder(shown.spans.filter((span) => isOn(span, day)));
    const isOther = day.slice(0, 7) !== shown.day.slice(0, 7);
    return (
        <div
            role="gridcell"
            class={`cell${day === today ? " today" : ""}${isOther ? " other" : ""}`}
            tabIndex={day === shown.day ? 0 : -1}
            data-day={day}
            aria-selected={day === shown.day}
            onFocus={({ target, currentTarget }) =>
                target === currentTarget && day !== shown.day && !isOther && onDay(day)
            }
        >
            <DayName day={day} today={today} number={here.length} />
            <button
                type="button"
                class="day-number"
                tabIndex={-1}
                aria-label={dayWords(day)}
                onClick={() => onOpenDay(day)}
            >
                {parts(day).date}
            </button>
            {lines(bars, here).map((line, slot): ComponentChildren => {
                if (line === undefined) {
                    return <span key={slot} class="event-gap" />;
                }
                if (typeof line === "number") {
                    return <MoreButton key="more" count={line} day={day} onOpenDay={onOpenDay} />;
                }
                const bar = bars.find(({ span }) => span === line);
                return (
                    <EventButton
                        key={line.event.id}
                        span={line}
                        day={day}
                        zone={zone}
                        looks={bar ? barLooks(bar, index, day) : "event-dot"}
                        onOpen={onOpen}
                    >
                        {bar ? (
                            index === bar.from && (
                                <BarLabel span={line} day={day} zone={zone} days={bar.to - bar.from + 1} />
                            )
                        ) : (
                            <>
                                {line.first === day && (
                                    <span class="event-time">{clock(zone.wall(line.start).minutes)}</span>
                                )}{" "}
                                {titleOf(line.event)}
                            </>
                        )}
                    </EventButton>
                );
            })}
        </div>
    );
}

/** What stands in a day's lines: bars in their lanes, the others where there is room, last how many are left out. */
function lines(bars: Bar[], here: Span[]): (Span | number | undefined)[] {
    const found: (Span | number | undefined)[] = [];
    for (const { span, lane } of bars) {
        found[lane] = span;
    }
    for (const span of here.filter(({ isBar }) => !isBar)) {
        const free = Array.from(found).indexOf(undefined);
        found[free < 0 ? found.length : free] = span;
    }
    const all = Array.from(found);
    if (all.length <= SLOTS) {
        return all;
    }
    const kept = all.slice(0, SLOTS - 1);
    return [...kept, here.length - kept.filter((one) => one !== undefined).length];
}
