/** One message: as plain text, or on demand as HTML in a frame that loads and runs nothing. */

import { Notice } from "../../shared/parts";
import { get, path } from "../core/api";
import { useLoad } from "../core/load";
import { here, href, refine } from "../core/route";
import type { ShownMessage } from "../core/wire";
import { count } from "../core/words";
import { Facts } from "../parts/facts";
import { HtmlFrame } from "../parts/html-frame";
import { Shown } from "../parts/loading";
import { Page } from "../parts/page";
import { exact } from "../parts/time";

import { asQuery, place } from "./place";
import { files, inFull, size } from "./words";

export function MessageView({ grant, id }: { grant: string; id: string }) {
    const at = place(here.value.query);
    const loaded = useLoad(
        (signal) =>
            get<ShownMessage>(
                path`/v3/console/grants/${grant}/messages/${id}`,
                { form: at.asHtml ? "html" : undefined },
                signal,
            ),
        [grant, id, at.asHtml],
    );
    return (
        <Page
            title={loaded.data ? loaded.data.message.subject || "No subject" : "Message"}
            back={{
                href: href(["grants", grant, "mail"], asQuery({ ...at, message: undefined, asHtml: false })),
                label: "Mailbox",
            }}
        >
            <Shown of={loaded} what="the message">
                {(shown) => (
                    <>
                        <div class="card padded">
                            <Head shown={shown} />
                        </div>
                        {shown.has_html && <Form asHtml={at.asHtml} />}
                        <Notes shown={shown} />
                        {shown.html !== undefined ? (
                            <HtmlFrame html={shown.html} title="The message as HTML" class="card mail-frame" />
                        ) : shown.text ? (
                            <div class="card padded mail-text">{shown.text}</div>
                        ) : (
                            <p class="soft">This message has no text.</p>
                        )}
                    </>
                )}
            </Shown>
        </Page>
    );
}

function Head({ shown: { message } }: { shown: ShownMessage }) {
    const attached = files(message);
    return (
        <Facts
            of={[
                ["From", inFull(message.from)],
                ["To", inFull(message.to)],
                ["Cc", inFull(message.cc)],
                ["Received", message.date === undefined ? undefined : exact(message.date)],
                [
                    "Attachments",
                    attached.length ? (
                        <ul key="files" class="plain-files">
                            {attached.map((one) => (
                                <li key={one.id}>
                                    {one.filename ?? one.content_type}{" "}
                                    <span class="soft">{size(one.size)} as sent</span>
                                </li>
                            ))}
                        </ul>
                    ) : undefined,
                ],
            ]}
        />
    );
}

function Form({ asHtml }: { asHtml: boolean }) {
    const show = (html: boolean) => refine(asQuery({ ...place(here.value.query), asHtml: html }));
    return (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out as this is
        <div class="segments mail-form" role="group" aria-label="Shown as">
            <button type="button" aria-pressed={!asHtml} onClick={() => show(false)}>
                Text
            </button>
            <button type="button" aria-pressed={asHtml} onClick={() => show(true)}>
                HTML
            </button>
        </div>
    );
}

function Notes({ shown: { html, images_left_out: images, is_cut } }: { shown: ShownMessage }) {
    if (html === undefined && !is_cut) {
        return null;
    }
    return (
        <Notice>
            {html !== undefined && (
                <p>
                    Nothing is loaded from elsewhere, so the sender does not learn that this was read.
                    {images > 0 && ` ${count(images, "image is", "images are")} left out.`} Links open nothing; their
                    addresses can be copied.
                </p>
            )}
            {is_cut && <p>The message is long. This is its beginning.</p>}
        </Notice>
    );
}
