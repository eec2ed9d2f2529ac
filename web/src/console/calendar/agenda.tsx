/** Days one under another, for narrow screens: those that have events, and today. */

import { type Day, dayWords } from "./days";
import { EventList, type Shown } from "./event-button";
import { inOrder, isOn } from "./layout";

export function Agenda({ days, spans, zone, today, onOpen }: Shown & { days: Day[] }) {
    const listed = days
        .map((day) => ({ day, here: inOrder(spans.filter((span) => isOn(span, day))) }))
        .filter(({ day, here }) => here.length > 0 || day === today);
    if (listed.length === 0) {
        return null;
    }
    return (
        <ol class="plain-list agenda">
            {listed.map(({ day, here }) => (
                <li key={day} class={day === today ? "today" : undefined}>
                    <h2>
                        {dayWords(day)} {day === today && <span class="badge accent">Today</span>}
                    </h2>
                    {here.length ? (
                        <EventList spans={here} day={day} zone={zone} onOpen={onOpen} />
                    ) : (
                        <p class="soft">No events.</p>
                    )}
                </li>
            ))}
        </ol>
    );
}
