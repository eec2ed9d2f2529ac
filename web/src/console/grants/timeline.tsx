/** The history of a grant, newest first. A run of refreshes is one line. */

import { page, path } from "../core/api";
import { useGrowing } from "../core/load";
import type { Moment } from "../core/wire";
import { actorWords, classOf, count } from "../core/words";
import { Icon, type IconName } from "../parts/icon";
import { Empty, More, Shown } from "../parts/loading";
import { Time } from "../parts/time";

type Look = [icon: IconName, tone: string, words: string];

const LOOKS: Record<string, Look> = {
    verified: ["ok", "good", "Connected and verified"],
    imported: ["ok", "good", "Restored from an export"],
    reauthenticated: ["person", "good", "The owner connected again"],
    refreshed: ["refresh", "neutral", "Refreshed"],
    failing: ["warning", "warn", "Failed"],
    recovered: ["ok", "good", "Works again"],
    expired: ["cross", "wrong", "Became invalid"],
    restored: ["ok", "good", "Valid again: it was not the grant that failed"],
    invalidated: ["cross", "wrong", "Invalidated"],
    blocked: ["lock", "wrong", "Blocked"],
    unblocked: ["lock", "good", "Unblocked"],
    updated: ["pencil", "neutral", "Changed"],
    token_read: ["eye", "neutral", "Live token read"],
    credential_read: ["eye", "neutral", "Password read"],
    proxied: ["eye", "neutral", "Opened through the mail proxy"],
    mail_read: ["eye", "neutral", "Mail read in the console"],
    checked: ["shield", "neutral", "Checked by hand"],
    deleted: ["cross", "wrong", "Deleted"],
};

export function Timeline({ id, turn }: { id: string; turn: number }) {
    const list = useGrowing<Moment>(
        (cursor, signal) => page(path`/v3/grants/${id}/timeline`, { limit: 50, page_token: cursor }, signal),
        [id, turn],
    );
    return (
        <Shown of={list} what="the timeline">
            {(entries) =>
                entries.length ? (
                    <>
                        <ol class="timeline">
                            {grouped(entries).map((group) => (
                                <Line key={group.entry.id} {...group} />
                            ))}
                        </ol>
                        <More of={list} />
                    </>
                ) : (
                    <Empty title="Nothing is recorded">
                        <p>Events of this grant will appear here.</p>
                    </Empty>
                )
            }
        </Shown>
    );
}

interface Group {
    entry: Moment;
    times: number;
    /** The next entry, of the same request, says the same. */
    repeated: boolean;
    /** The number of refreshes in the run that this ended. */
    before: number;
}

const IN_RUNS = new Set(["refreshed", "checked", "mail_read"]);

/** Merges runs of one kind into the latest entry, with a count. */
function grouped(entries: Moment[]): Group[] {
    const groups: Group[] = [];
    for (const [index, entry] of entries.entries()) {
        const cause = entries[index + 1];
        const repeated =
            entry.type === "checked" && entry.reason !== undefined && entry.request_id === cause?.request_id;
        const last = groups.at(-1);
        const refreshed = entry.type === "refreshed";
        const times = refreshed ? (entry.refreshes ?? 1) : 1;
        const sameReader = entry.type !== "mail_read" || entry.actor === last?.entry.actor;
        if (last?.entry.type === entry.type && IN_RUNS.has(entry.type) && sameReader && !last.before) {
            last.times += times;
        } else {
            groups.push({ entry, times, repeated, before: refreshed ? 0 : (entry.refreshes ?? 0) });
        }
    }
    return groups;
}

function Line({ entry, times, repeated, before }: Group) {
    const [icon, tone, words] =
        LOOKS[entry.type] ?? (["dot", "neutral", entry.type.replaceAll("_", " ")] satisfies Look);
    const changed = entry.detail?.changed;
    const note = entry.detail?.note;
    return (
        <>
            <li class={`moment ${tone}`}>
                <span class="moment-mark">
                    <Icon name={icon} />
                </span>
                <div class="moment-body">
                    <p>
                        <strong>
                            {words}
                            {times > 1 && ` ${times.toLocaleString("en")} times`}
                            {entry.class && !repeated && `: ${classOf(entry.class).title.toLowerCase()}`}
                        </strong>{" "}
                        <span class="soft">
                            {times > 1 && "last "}
                            <Time at={entry.at} />
                        </span>
                    </p>
                    {Array.isArray(changed) && changed.length > 0 && <p class="soft">{changed.join(", ")}</p>}
                    {entry.reason && !repeated && (
                        <p class="soft">
                            <code>{entry.reason}</code>
                            {entry.provider_code && entry.provider_code !== entry.reason && (
                                <>
                                    {" "}
                                    the provider said <code>{entry.provider_code}</code>
                                </>
                            )}
                        </p>
                    )}
                    {typeof note === "string" && <p class="soft">“{note}”</p>}
                    {entry.remedy && !repeated && <p>{entry.remedy}</p>}
                    {(entry.actor || entry.request_id) && (
                        <p class="soft small">
                            {actorWords(entry.actor)}
                            {entry.request_id && (
                                <>
                                    {entry.actor && " · "}request <code>{entry.request_id}</code>
                                </>
                            )}
                        </p>
                    )}
                </div>
            </li>
            {before > 0 && (
                <li class="moment">
                    <span class="moment-mark">
                        <Icon name="refresh" />
                    </span>
                    <p class="moment-body soft">Refreshed {count(before, "time")} before that</p>
                </li>
            )}
        </>
    );
}
