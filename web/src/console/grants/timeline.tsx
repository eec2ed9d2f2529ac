/** What happened to a grant, newest first. Runs of refreshes are one line: what matters stands between them. */

import { page, path } from "../core/api";
import { useGrowing } from "../core/load";
import type { TimelineEntry } from "../core/wire";
import { actorWords, classOf } from "../core/words";
import { Icon, type IconName } from "../parts/icon";
import { Empty, More, Shown } from "../parts/loading";
import { Time } from "../parts/time";

type Look = [icon: IconName, tone: string, words: string];

const LOOKS: Record<string, Look> = {
    verified: ["ok", "good", "Connected and proven"],
    reauthenticated: ["person", "good", "The owner connected again"],
    refreshed: ["refresh", "neutral", "Refreshed"],
    failing: ["warning", "warn", "Failed"],
    recovered: ["ok", "good", "Works again"],
    expired: ["cross", "wrong", "Became invalid"],
    invalidated: ["cross", "wrong", "Invalidated"],
    blocked: ["lock", "wrong", "Blocked"],
    unblocked: ["lock", "good", "Unblocked"],
    updated: ["pencil", "neutral", "Changed"],
    token_read: ["eye", "neutral", "Live token read"],
    checked: ["shield", "neutral", "Checked"],
    deleted: ["cross", "wrong", "Deleted"],
};

export function Timeline({ id, turn }: { id: string; turn: number }) {
    const list = useGrowing<TimelineEntry>(
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
                        <p>What happens to this grant from now on is told here.</p>
                    </Empty>
                )
            }
        </Shown>
    );
}

interface Group {
    entry: TimelineEntry;
    times: number;
}

/** Neighbours that are refreshes become one, the latest, with how often. */
function grouped(entries: TimelineEntry[]): Group[] {
    const groups: Group[] = [];
    for (const entry of entries) {
        const last = groups.at(-1);
        const times = entry.type === "refreshed" ? (entry.refreshes ?? 1) : 1;
        if (entry.type === "refreshed" && last?.entry.type === "refreshed") {
            last.times += times;
        } else {
            groups.push({ entry, times });
        }
    }
    return groups;
}

function Line({ entry, times }: Group) {
    const [icon, tone, words] =
        LOOKS[entry.type] ?? (["dot", "neutral", entry.type.replaceAll("_", " ")] satisfies Look);
    const changed = entry.detail?.changed;
    const given = entry.detail?.reason;
    return (
        <li class={`moment ${tone}`}>
            <span class="moment-mark">
                <Icon name={icon} />
            </span>
            <div class="moment-body">
                <p>
                    <strong>
                        {words}
                        {times > 1 && ` ${times.toLocaleString("en")} times`}
                        {entry.class && `: ${classOf(entry.class).title.toLowerCase()}`}
                    </strong>{" "}
                    <span class="soft">
                        {times > 1 && "last "}
                        <Time at={entry.at} />
                    </span>
                </p>
                {Array.isArray(changed) && changed.length > 0 && <p class="soft">{changed.join(", ")}</p>}
                {entry.reason && (
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
                {typeof given === "string" && given !== entry.reason && <p class="soft">“{given}”</p>}
                {entry.remedy && <p>{entry.remedy}</p>}
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
    );
}
