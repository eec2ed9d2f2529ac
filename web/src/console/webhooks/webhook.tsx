/** One webhook: state, actions and deliveries. */

import { useState } from "preact/hooks";
import { Badge, Notice } from "../../shared/parts";
import { get, path, post, put, remove } from "../core/api";
import { useAction, useLoad } from "../core/load";
import { go, href } from "../core/route";
import type { Webhook, WebhookWithSecret } from "../core/wire";
import { triggersOf, webhookState } from "../core/words";
import { Confirm } from "../parts/confirm";
import { Facts } from "../parts/facts";
import { Failure } from "../parts/failure";
import { Shown } from "../parts/loading";
import { Page, Section } from "../parts/page";
import { SecretOnce } from "../parts/secret";
import { Time } from "../parts/time";
import { Deliveries } from "./deliveries";
import { WebhookForm } from "./webhook-form";

type Asking = "change" | "rotate" | "delete";

export function WebhookPage({ id }: { id: string }) {
    const [asking, setAsking] = useState<Asking>();
    const [secret, setSecret] = useState<string>();
    const [tested, setTested] = useState(false);
    const loaded = useLoad((signal) => get<Webhook>(path`/v3/webhooks/${id}`, {}, signal), [id]);
    const close = () => setAsking(undefined);
    const turn = useAction(async (status: "active" | "pause") => {
        const changed = await put<Webhook>(path`/v3/webhooks/${id}`, { status });
        loaded.put(() => changed);
    });
    const test = useAction(async (url: string) => {
        setTested(false);
        await post("/v3/webhooks/send-test-event", { webhook_url: url, trigger_type: "grant.created" });
        setTested(true);
    });
    const webhook = loaded.data;
    const failing = webhook?.opengrant?.failing;
    const state = webhook && webhookState(webhook, failing);
    return (
        <Page
            title={webhook ? short(webhook.webhook_url) : "Webhook"}
            back={{ href: href(["webhooks"]), label: "Webhooks" }}
            lead={
                webhook &&
                state && (
                    <>
                        <Badge tone={state.tone}>{state.word}</Badge>{" "}
                        <Time at={failing?.since ?? webhook.status_updated_at} />
                    </>
                )
            }
            actions={
                webhook && (
                    <>
                        <button
                            type="button"
                            class="button primary"
                            disabled={test.busy}
                            onClick={() => void test.run(webhook.webhook_url)}
                        >
                            {test.busy ? "Sending…" : "Send a test event"}
                        </button>
                        {webhook.status === "pause" || webhook.status === "failed" ? (
                            <button
                                type="button"
                                class="button"
                                disabled={turn.busy}
                                onClick={() => void turn.run("active")}
                            >
                                {turn.busy ? "Activating…" : "Activate"}
                            </button>
                        ) : (
                            <button
                                type="button"
                                class="button"
                                disabled={turn.busy}
                                onClick={() => void turn.run("pause")}
                            >
                                {turn.busy ? "Pausing…" : "Pause"}
                            </button>
                        )}
                        <button type="button" class="button" onClick={() => setAsking("change")}>
                            Change
                        </button>
                        <button type="button" class="button" onClick={() => setAsking("rotate")}>
                            Rotate secret
                        </button>
                        <button type="button" class="button danger" onClick={() => setAsking("delete")}>
                            Delete
                        </button>
                    </>
                )
            }
        >
            <Failure problem={test.problem ?? turn.problem} />
            {tested && (
                <Notice tone="good">
                    <p>
                        The receiver took the test event. It was signed with <code>mock-webhook-secret</code>, not with
                        this webhook’s secret.
                    </p>
                </Notice>
            )}
            <Shown of={loaded} what="the webhook">
                {(webhook) => (
                    <>
                        {state && state.tone !== "good" && (
                            <Notice tone={state.tone}>
                                <p>{state.means}</p>
                                {failing && (
                                    <p class="soft small">
                                        The latest attempt was <Time at={failing.at} />.
                                    </p>
                                )}
                            </Notice>
                        )}
                        <div class="card padded">
                            <Facts
                                of={[
                                    [
                                        "Destination",
                                        <code key="url" class="break">
                                            {webhook.webhook_url}
                                        </code>,
                                    ],
                                    ["Description", webhook.description],
                                    ["Events", triggersOf(webhook).join(", ")],
                                    ["Compressed", webhook.compressed_delivery ? "with gzip" : "no"],
                                    ["Created", <Time key="made" at={webhook.created_at} />],
                                    ["ID", <code key="id">{webhook.id}</code>],
                                ]}
                            />
                        </div>
                        <Section title="Deliveries" note="Finished deliveries are kept for a week by default.">
                            <Deliveries id={webhook.id} onChange={loaded.reload} />
                        </Section>
                        {asking === "change" && (
                            <WebhookForm
                                webhook={webhook}
                                onDone={(changed) => {
                                    loaded.put(() => changed);
                                    close();
                                }}
                                onClose={close}
                            />
                        )}
                        {asking === "rotate" && (
                            <Confirm
                                title="Replace the signing secret?"
                                submit="Replace it"
                                under="Replacing"
                                act={async () => {
                                    const changed = await post<WebhookWithSecret>(
                                        path`/v3/webhooks/rotate-secret/${id}`,
                                    );
                                    setSecret(changed.webhook_secret);
                                }}
                                onClose={close}
                            >
                                <p>
                                    The old one stops at once: until your receiver has the new one, it refuses what is
                                    sent.
                                </p>
                            </Confirm>
                        )}
                        {asking === "delete" && (
                            <Confirm
                                title="Delete this webhook?"
                                submit="Delete the webhook"
                                under="Deleting"
                                act={async () => {
                                    await remove(path`/v3/webhooks/${id}`);
                                    go(["webhooks"]);
                                }}
                                onClose={close}
                            >
                                <p>
                                    What is on its way to <strong class="break">{webhook.webhook_url}</strong> is not
                                    sent, and its secret is destroyed.
                                </p>
                            </Confirm>
                        )}
                        {secret && (
                            <SecretOnce
                                title="The new signing secret"
                                secret={secret}
                                what="the signing secret"
                                onKept={() => setSecret(undefined)}
                            />
                        )}
                    </>
                )}
            </Shown>
        </Page>
    );
}

/** A URL's host and the beginning of its path are enough for a heading. */
function short(url: string): string {
    const words = URL.canParse(url) ? `${new URL(url).host}${new URL(url).pathname}` : url;
    return words.length > 40 ? `${words.slice(0, 39)}…` : words;
}
