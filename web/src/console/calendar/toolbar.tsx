/** Which days are shown, and the ways to others. */

import { Loading } from "../../shared/parts";
import { type Day, later, monthWords, otherMonth, rangeWords } from "./days";
import type { Shows, View } from "./place";
import { zoneWords } from "./words";
import type { Zone } from "./zone";

const VIEWS: [View, string][] = [
    ["week", "Week"],
    ["month", "Month"],
];

export function Toolbar({
    view,
    day,
    days,
    today,
    zone,
    loading,
    show,
}: {
    view: View;
    day: Day;
    /** The week's, or the month's. */
    days: Day[];
    today: Day;
    zone: Zone;
    loading: boolean;
    show: (change: Partial<Shows>) => void;
}) {
    const step = (by: 1 | -1) => show({ day: view === "week" ? later(day, 7 * by) : otherMonth(day, by) });
    return (
        <div class="toolbar">
            <div class="actions">
                <button type="button" class="button" onClick={() => show({ day: today })}>
                    Today
                </button>
                <button type="button" class="button" aria-label={`Previous ${view}`} onClick={() => step(-1)}>
                    <span aria-hidden="true">←</span>
                </button>
                <button type="button" class="button" aria-label={`Next ${view}`} onClick={() => step(1)}>
                    <span aria-hidden="true">→</span>
                </button>
            </div>
            <div class="toolbar-words">
                <h2 aria-live="polite">
                    {view === "week" ? rangeWords(days[0] ?? day, days.at(-1) ?? day) : monthWords(day)}
                </h2>
                <p class="soft small">{zoneWords(zone, days)}</p>
            </div>
            <div class="toolbar-loading">{loading && <Loading what="Loading events" />}</div>
            {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would need a legend that is seen */}
            <div class="segments" role="group" aria-label="View">
                {VIEWS.map(([name, word]) => (
                    <button key={name} type="button" aria-pressed={view === name} onClick={() => show({ view: name })}>
                        {word}
                    </button>
                ))}
            </div>
        </div>
    );
}
