/** Creates or changes a webhook. */

import { useState } from "preact/hooks";
import { Dialog, Notice } from "../../shared/parts";
import { path, post, put } from "../core/api";
import { useAction } from "../core/load";
import type { Webhook, WebhookWithSecret } from "../core/wire";
import { triggersOf } from "../core/words";
import { Check, TextField } from "../parts/field";
import { Form } from "../parts/form";
import { AT_FIRST, GROUPS, type Group, isOwn } from "./events";

export function WebhookForm({
    webhook,
    onDone,
    onClose,
}: {
    /** The webhook to change; without it a new one is created. */
    webhook?: Webhook;
    onDone: (webhook: Webhook | WebhookWithSecret) => void;
    onClose: () => void;
}) {
    const [url, setUrl] = useState(webhook?.webhook_url ?? "");
    const [chosen, setChosen] = useState(new Set(webhook ? triggersOf(webhook) : AT_FIRST));
    const [description, setDescription] = useState(webhook?.description ?? "");
    const [compressed, setCompressed] = useState(webhook?.compressed_delivery ?? false);
    const action = useAction(async () => {
        const body = {
            webhook_url: url.trim(),
            trigger_types: [...chosen],
            opengrant: { trigger_types: [...chosen].filter(isOwn) },
            description: description.trim(),
            compressed_delivery: compressed,
        };
        onDone(
            webhook
                ? await put<Webhook>(path`/v3/webhooks/${webhook.id}`, body)
                : await post<WebhookWithSecret>("/v3/webhooks", body),
        );
    });
    const choose = (triggers: string[], on: boolean) =>
        setChosen((old) => {
            const next = new Set(old);
            for (const trigger of triggers) {
                if (on) {
                    next.add(trigger);
                } else {
                    next.delete(trigger);
                }
            }
            return next;
        });
    // Imported webhooks may have events of other products; the form keeps and shows them.
    const known = new Set(GROUPS.flatMap(({ events }) => events.map(([trigger]) => trigger)));
    const foreign = [...chosen].filter((trigger) => !known.has(trigger));
    return (
        <Dialog title={webhook ? "Change the webhook" : "New webhook"} onClose={onClose}>
            <Form
                action={action}
                submit={webhook ? "Save" : "Challenge and create"}
                under={webhook && url === webhook.webhook_url ? "Saving" : "Asking the receiver"}
                onCancel={onClose}
                ready={url.trim() !== "" && chosen.size > 0}
            >
                <TextField
                    label="Destination"
                    type="url"
                    value={url}
                    onValue={setUrl}
                    placeholder="https://example.com/hook"
                    required
                    mono
                />
                <Notice>
                    <p>
                        {webhook ? "A new destination" : "The destination"} is asked first: GET with a query parameter{" "}
                        <code>challenge</code>. It must answer 200 with that value, as raw text, within 10 s.
                    </p>
                </Notice>
                <fieldset class="event-groups">
                    <legend class="label">Events</legend>
                    {GROUPS.map((group) => (
                        <Events key={group.title} of={group} chosen={chosen} choose={choose} />
                    ))}
                    {foreign.length > 0 && (
                        <p class="hint soft">Also subscribed, and never sent by this server: {foreign.join(", ")}.</p>
                    )}
                </fieldset>
                <TextField label="Description" value={description} onValue={setDescription} maxLength={1024} />
                <Check
                    label="Compress with gzip"
                    hint="The signature is then over the compressed bytes."
                    checked={compressed}
                    onChecked={setCompressed}
                />
            </Form>
        </Dialog>
    );
}

function Events({
    of: { title, note, events },
    chosen,
    choose,
}: {
    of: Group;
    chosen: Set<string>;
    choose: (triggers: string[], on: boolean) => void;
}) {
    const all = events.map(([trigger]) => trigger);
    const selected = all.filter((trigger) => chosen.has(trigger)).length;
    const [open, setOpen] = useState(selected > 0);
    return (
        <details class="event-group" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
            <summary>
                {title}{" "}
                <span class="soft small">
                    {selected} of {all.length}
                </span>
            </summary>
            {open && (
                <div class="checks">
                    {note && <p class="hint soft">{note}</p>}
                    <p>
                        <button
                            type="button"
                            class="link"
                            aria-label={`${selected < all.length ? "Select" : "Clear"} all: ${title}`}
                            onClick={() => choose(all, selected < all.length)}
                        >
                            {selected < all.length ? "Select all" : "Clear all"}
                        </button>
                    </p>
                    {events.map(([trigger, means]) => (
                        <Check
                            key={trigger}
                            label={<code>{trigger}</code>}
                            hint={means}
                            checked={chosen.has(trigger)}
                            onChecked={(on) => choose([trigger], on)}
                        />
                    ))}
                </div>
            )}
        </details>
    );
}
