/** Creates or changes a webhook. */

import { useState } from "preact/hooks";
import { Dialog, Notice } from "../../shared/parts";
import { path, post, put } from "../core/api";
import { useAction } from "../core/load";
import type { Webhook, WebhookWithSecret } from "../core/wire";
import { OWN_TRIGGERS, TRIGGERS, triggersOf } from "../core/words";
import { Check, TextField } from "../parts/field";
import { Form } from "../parts/form";

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
    const [chosen, setChosen] = useState(new Set(webhook ? triggersOf(webhook) : TRIGGERS.map(([trigger]) => trigger)));
    const [description, setDescription] = useState(webhook?.description ?? "");
    const [compressed, setCompressed] = useState(webhook?.compressed_delivery ?? false);
    const action = useAction(async () => {
        const body = {
            webhook_url: url.trim(),
            trigger_types: [...chosen],
            opengrant: { trigger_types: OWN_TRIGGERS.map(([trigger]) => trigger).filter((one) => chosen.has(one)) },
            description: description.trim(),
            compressed_delivery: compressed,
        };
        onDone(
            webhook
                ? await put<Webhook>(path`/v3/webhooks/${webhook.id}`, body)
                : await post<WebhookWithSecret>("/v3/webhooks", body),
        );
    });
    const toggle = (trigger: string, on: boolean) => {
        const next = new Set(chosen);
        if (on) {
            next.add(trigger);
        } else {
            next.delete(trigger);
        }
        setChosen(next);
    };
    // Imported webhooks may have events of other products; the form keeps and shows them.
    const sent = [...TRIGGERS, ...OWN_TRIGGERS];
    const foreign = [...chosen].filter((trigger) => !sent.some(([known]) => known === trigger));
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
                <fieldset class="checks">
                    <legend class="label">Events</legend>
                    {sent.map(([trigger, means]) => (
                        <Check
                            key={trigger}
                            label={<code>{trigger}</code>}
                            hint={means}
                            checked={chosen.has(trigger)}
                            onChecked={(on) => toggle(trigger, on)}
                        />
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
