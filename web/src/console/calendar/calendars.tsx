/** The calendars of a grant, on its page. */

import { Badge } from "../../shared/parts";
import { page, path } from "../core/api";
import { useLoad } from "../core/load";
import { href } from "../core/route";
import type { Calendar, Grant } from "../core/wire";
import { Empty, Shown } from "../parts/loading";
import { Section } from "../parts/page";
import { CopyLine } from "../parts/secret";

/** Of other providers the server keeps no calendars. */
const HOSTED = new Set<Grant["provider"]>(["virtual-calendar", "nylas"]);

export function Calendars({ grant }: { grant: Grant }) {
    return HOSTED.has(grant.provider) ? <List grant={grant} /> : null;
}

function List({ grant }: { grant: Grant }) {
    const list = useLoad(
        (signal) => page<Calendar>(path`/v3/grants/${grant.id}/calendars`, { limit: 200 }, signal),
        [grant.id],
    );
    return (
        <Section title="Calendars">
            <Shown of={list} what="calendars">
                {({ rows }) =>
                    rows.length ? (
                        <ul class="card list calendars">
                            {rows.map((one) => (
                                <li key={one.id}>
                                    <p>
                                        <span
                                            class="calendar-colour"
                                            style={{ "--calendar": one.hex_color }}
                                            aria-hidden="true"
                                        />
                                        <a href={href(["grants", grant.id, "calendars", one.id])}>{one.name}</a>{" "}
                                        {one.is_primary && <Badge tone="accent">Primary</Badge>}
                                    </p>
                                    <p class="soft small">
                                        {[one.timezone ?? "No time zone: UTC", one.location, one.description]
                                            .filter(Boolean)
                                            .join(" · ")}
                                    </p>
                                </li>
                            ))}
                        </ul>
                    ) : (
                        <Empty title="No calendar">
                            <p>This creates the first one, which becomes the primary calendar:</p>
                            <CopyLine text={command(grant)} what="the command" />
                        </Empty>
                    )
                }
            </Shown>
        </Section>
    );
}

function command(grant: Grant): string {
    const body = JSON.stringify({ name: "Room 12", timezone: Intl.DateTimeFormat().resolvedOptions().timeZone });
    return `curl ${location.origin}/v3/grants/${encodeURIComponent(grant.id)}/calendars -H "Authorization: Bearer $OPENGRANT_API_KEY" -H "Content-Type: application/json" -d '${body}'`;
}
