/** Who comes to an event, and what a program keeps with it. */

import { Badge, type Tone } from "../../shared/parts";
import type { Event } from "../core/wire";
import { plain } from "../core/words";
import { Facts } from "../parts/facts";

const ANSWERS: Record<string, [Tone, string]> = {
    yes: ["good", "Accepted"],
    no: ["wrong", "Declined"],
    maybe: ["warn", "Perhaps"],
    noreply: ["neutral", "No answer"],
};

export function Participants({ event }: { event: Event }) {
    const { participants, resources = [], organizer, capacity } = event;
    if (!participants.length && !resources.length && !organizer) {
        return null;
    }
    return (
        <section>
            <h3>Participants</h3>
            <ul class="plain-list participants">
                {organizer && (
                    <li>
                        <Name of={organizer} /> <Badge>Organizer</Badge>
                    </li>
                )}
                {participants.map((one, index) => {
                    const [tone, word] = ANSWERS[String(one.status)] ?? ["neutral", String(one.status)];
                    return (
                        <li key={index}>
                            <Name of={one} /> <Badge tone={tone}>{word}</Badge>
                            {typeof one.comment === "string" && <span class="soft second">“{one.comment}”</span>}
                        </li>
                    );
                })}
                {resources.map((one) => (
                    <li key={String(one.email)}>
                        <Name of={one} /> <Badge>Resource</Badge>
                    </li>
                ))}
            </ul>
            {capacity !== undefined && <p class="soft">At most {capacity}.</p>}
        </section>
    );
}

function Name({ of: { name, email } }: { of: Record<string, unknown> }) {
    return (
        <span class="break">
            {name ? (
                <>
                    {String(name)} <span class="soft">{String(email ?? "")}</span>
                </>
            ) : (
                String(email ?? "")
            )}
        </span>
    );
}

export function MoreFacts({ event }: { event: Event }) {
    const metadata = Object.entries(event.metadata ?? {});
    const others = Object.entries({
        reminders: event.reminders,
        notetaker: event.notetaker,
        hide_participants: event.hide_participants || undefined,
        ical_uid: event.ical_uid,
    }).filter(([, value]) => value !== undefined && value !== null);
    return (
        <>
            {metadata.length > 0 && (
                <section>
                    <h3>Metadata</h3>
                    <Facts of={metadata.map(([name, value]) => [name, <code key={name}>{value}</code>])} />
                </section>
            )}
            <details class="fold">
                <summary>More</summary>
                <Facts
                    of={others.map(([name, value]) => [
                        name === "ical_uid" ? "iCalendar UID" : plain(name),
                        typeof value === "string" ? <code key={name}>{value}</code> : JSON.stringify(value),
                    ])}
                />
            </details>
        </>
    );
}
