/** The folders of a mailbox: a list beside the messages, a choice above them on a phone. */

import { page, path } from "../core/api";
import { useLoad } from "../core/load";
import { go, here, href } from "../core/route";
import type { Folder } from "../core/wire";
import { Choice } from "../parts/field";
import { Shown } from "../parts/loading";
import { useIsNarrow } from "../parts/narrow";
import { ALL, asQuery, INBOX, place } from "./place";

const MOST = 200;

export function FolderList({ grant }: { grant: string }) {
    const isNarrow = useIsNarrow();
    const list = useLoad(
        (signal) => page<Folder>(path`/v3/console/grants/${grant}/folders`, { limit: MOST }, signal),
        [grant],
    );
    return (
        <div class="folders">
            <Shown of={list} what="folders">
                {({ rows, next }) => {
                    const folders = inboxFirst(rows.filter(canOpen));
                    return isNarrow ? (
                        <Chosen grant={grant} folders={folders} />
                    ) : (
                        <Links grant={grant} folders={folders} more={next !== undefined} />
                    );
                }}
            </Shown>
        </div>
    );
}

/** A new folder begins without a search. */
function at(folder: string) {
    return asQuery({ folder, words: "", show: "", message: undefined, asHtml: false });
}

function Links({ grant, folders, more }: { grant: string; folders: Folder[]; more: boolean }) {
    const { folder } = place(here.value.query);
    return (
        <nav aria-label="Folders">
            <ul class="folder-list">
                {folders.map((one) => (
                    <li key={one.id}>
                        <a
                            href={href(["grants", grant, "mail"], at(one.id))}
                            aria-current={one.id === folder ? "page" : undefined}
                        >
                            <span>{nameOf(one)}</span>
                            {one.unread_count ? (
                                <span class="unread-count">
                                    {one.unread_count.toLocaleString("en")}
                                    <span class="visually-hidden"> unread</span>
                                </span>
                            ) : null}
                        </a>
                    </li>
                ))}
                <li class="apart">
                    <a
                        href={href(["grants", grant, "mail"], at(ALL))}
                        aria-current={folder === ALL ? "page" : undefined}
                    >
                        All folders
                    </a>
                </li>
            </ul>
            {more && <p class="soft small">These are the first {MOST} folders.</p>}
        </nav>
    );
}

function Chosen({ grant, folders }: { grant: string; folders: Folder[] }) {
    return (
        <Choice
            label="Folder"
            compact
            value={place(here.value.query).folder}
            onValue={(folder) => go(["grants", grant, "mail"], at(folder))}
            options={[
                ...folders.map(
                    (one) => [one.id, one.unread_count ? `${nameOf(one)} (${one.unread_count})` : nameOf(one)] as const,
                ),
                [ALL, "All folders"] as const,
            ]}
        />
    );
}

function canOpen({ attributes }: Folder): boolean {
    return !attributes.some((one) => ["\\noselect", "\\nonexistent"].includes(one.toLowerCase()));
}

function inboxFirst(folders: Folder[]): Folder[] {
    return [...folders.filter(({ id }) => id === INBOX), ...folders.filter(({ id }) => id !== INBOX)];
}

function nameOf({ id, name }: Folder): string {
    return id === INBOX ? "Inbox" : name;
}
