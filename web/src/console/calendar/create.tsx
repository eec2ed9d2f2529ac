/** The call that makes an event, ready to be pasted into a shell: the console itself makes none. */

import { CopyLine } from "../parts/secret";
import { type Day, dayWords } from "./days";
import type { Zone } from "./zone";

const NINE = 9 * 3600;

export function HowToCreate({ grant, calendar, zone, day }: { grant: string; calendar: string; zone: Zone; day: Day }) {
    const midnight = zone.start(day);
    // Nine on the clock, also on a day whose clock is changed.
    const start = midnight + NINE + zone.offset(midnight) - zone.offset(midnight + NINE);
    const body = {
        title: "Planning",
        when: { start_time: start, end_time: start + 3600, start_timezone: zone.name, end_timezone: zone.name },
    };
    const address = `${location.origin}/v3/grants/${encodeURIComponent(grant)}/events?calendar_id=${encodeURIComponent(calendar)}`;
    const command = `curl "${address}" -H "Authorization: Bearer $OPENGRANT_API_KEY" -H "Content-Type: application/json" -d '${JSON.stringify(body)}'`;
    return (
        <>
            <p>This creates one on {dayWords(day)} at nine:</p>
            <CopyLine text={command} what="the command" />
        </>
    );
}
