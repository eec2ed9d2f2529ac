/** The messages of a folder, newest first. */

import { useState } from "preact/hooks";
import { page, path } from "../core/api";
import { useGrowing } from "../core/load";
import { here, href, refine } from "../core/route";
import type { Message } from "../core/wire";
import { Choice } from "../parts/field";
import { Icon } from "../parts/icon";
import { Empty, More, Shown } from "../parts/loading";
import { Time } from "../parts/time";
import { ALL, asQuery, place, SHOWN } from "./place";
import { files, named } from "./words";

const SIZE = 25;
const SELECT = "id,subject,from,date,unread,starred,attachments";

export function MessageList({ grant }: { grant: string }) {
    const at = place(here.value.query);
    const list = useGrowing<Message>(
        (cursor, signal) =>
            page(
                path`/v3/console/grants/${grant}/messages`,
                {
                    in: at.folder === ALL ? undefined : at.folder,
                    q: at.words,
                    ...(at.show ? { [at.show]: true } : {}),
                    select: SELECT,
                    limit: SIZE,
                    page_token: cursor,
                },
                signal,
            ),
        [grant, at.folder, at.words, at.show],
    );
    const filtered = Boolean(at.words || at.show);
    return (
        <div class="messages">
            <search class="filters">
                <Search key={`${at.folder} ${at.words}`} words={at.words} />
                <Choice
                    label="Show"
                    compact
                    value={at.show}
                    onValue={(show) => refine(asQuery({ ...place(here.value.query), show }))}
                    options={SHOWN}
                />
                <button type="button" class="button" disabled={list.loading} onClick={list.reload}>
                    Refresh
                </button>
            </search>
            <Shown of={list} what="messages">
                {(messages) =>
                    messages.length ? (
                        <ul class="card list mails" aria-label="Messages">
                            {messages.map((one) => (
                                <Row key={one.id} grant={grant} message={one} />
                            ))}
                        </ul>
                    ) : (
                        <Empty title={filtered ? "No message found" : "No messages"}>
                            {filtered && (
                                <p>
                                    <button
                                        type="button"
                                        class="link"
                                        onClick={() => refine(asQuery({ ...at, words: "", show: "" }))}
                                    >
                                        Show all messages
                                    </button>
                                </p>
                            )}
                        </Empty>
                    )
                }
            </Shown>
            <More of={list} />
        </div>
    );
}

/** The mail server searches texts, which may take long: it begins with Enter, not with each key. */
function Search({ words }: { words: string }) {
    const [text, setText] = useState(words);
    const search = (wanted: string) => refine(asQuery({ ...place(here.value.query), words: wanted.trim() }));
    return (
        <form
            class="search"
            onSubmit={(event) => {
                event.preventDefault();
                search(text);
            }}
        >
            <input
                class="input"
                type="search"
                aria-label="Search messages"
                placeholder="Search messages…"
                value={text}
                maxLength={200}
                autocomplete="off"
                spellcheck={false}
                onInput={({ currentTarget }) => {
                    setText(currentTarget.value);
                    if (!currentTarget.value && words) {
                        search("");
                    }
                }}
            />
            <button type="submit" class="button">
                Search
            </button>
        </form>
    );
}

function Row({ grant, message }: { grant: string; message: Message }) {
    const at = place(here.value.query);
    const attached = files(message).length;
    return (
        <li class={message.unread ? "mail unread" : "mail"}>
            <span class="mail-from">{named(message.from) || "No sender"}</span>
            <a class="mail-subject" href={href(["grants", grant, "mail"], asQuery({ ...at, message: message.id }))}>
                {message.unread && <span class="visually-hidden">Unread: </span>}
                {message.subject || "No subject"}
            </a>
            <span class="mail-marks">
                {message.starred && <Mark icon="star" means="Starred" />}
                {attached > 0 && (
                    <Mark icon="clip" means={attached === 1 ? "1 attachment" : `${attached} attachments`} />
                )}
            </span>
            <span class="mail-date soft small">{message.date !== undefined && <Time at={message.date} />}</span>
        </li>
    );
}

function Mark({ icon, means }: { icon: "star" | "clip"; means: string }) {
    return (
        <span title={means}>
            <Icon name={icon} />
            <span class="visually-hidden">{means}</span>
        </span>
    );
}
