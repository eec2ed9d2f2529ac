/** Webhooks and their state. */

import { useState } from "preact/hooks";
import { Badge } from "../../shared/parts";
import { get } from "../core/api";
import { useAsked } from "../core/asked";
import { useHealth } from "../core/health";
import { useLoad } from "../core/load";
import { usePoll } from "../core/poll";
import { go, href } from "../core/route";
import type { Webhook, WebhookWithSecret } from "../core/wire";
import { triggersOf, upToThousand, webhookState } from "../core/words";
import { Empty, Shown } from "../parts/loading";
import { Page } from "../parts/page";
import { SecretOnce } from "../parts/secret";
import { Table } from "../parts/table";
import { Time } from "../parts/time";
import { WebhookForm } from "./webhook-form";

/** Seconds for which the server may repeat the same overview. */
const SERVED = 10;

export function WebhooksPage() {
    const [creating, setCreating] = useState(false);
    useAsked("create", () => setCreating(true));
    const [made, setMade] = useState<WebhookWithSecret>();
    const list = useLoad((signal) => get<Webhook[]>("/v3/webhooks", {}, signal), []);
    const health = useHealth();
    const number = (webhook: Webhook, of: "pending" | "failed") => {
        const known = health.data?.webhooks.find(({ id }) => id === webhook.id);
        if (known) {
            return upToThousand(known[of]);
        }
        if (health.data && webhook.created_at >= health.data.at - SERVED) {
            return "0"; // created after the count
        }
        return health.loading && !health.data ? "…" : <Unread />;
    };
    usePoll(() => {
        if (list.data?.some((webhook) => !health.data?.webhooks.some(({ id }) => id === webhook.id))) {
            health.reload();
        }
    }, SERVED * 1000);
    return (
        <Page
            title="Webhooks"
            lead="OpenGrant sends events to these addresses: at least once, in order for each grant."
            actions={
                <button type="button" class="button primary" onClick={() => setCreating(true)}>
                    New webhook
                </button>
            }
        >
            <Shown of={list} what="webhooks">
                {(webhooks) =>
                    webhooks.length ? (
                        <Table
                            class="stack dense"
                            columns={[
                                "Destination",
                                "State",
                                "Events",
                                { name: "Waiting", class: "number" },
                                { name: "Failed", class: "number" },
                            ]}
                        >
                            {webhooks.map((webhook) => {
                                const failing = webhook.opengrant?.failing;
                                const state = webhookState(webhook, failing);
                                return (
                                    <tr key={webhook.id}>
                                        <th scope="row">
                                            <a class="break" href={href(["webhooks", webhook.id])}>
                                                {webhook.webhook_url}
                                            </a>
                                            {webhook.description && (
                                                <span class="soft second">{webhook.description}</span>
                                            )}
                                        </th>
                                        <td data-label="State">
                                            <Badge tone={state.tone}>{state.word}</Badge>
                                            <span class="soft second">
                                                {failing ? (
                                                    <>
                                                        {failing.reason} · <Time at={failing.since} />
                                                    </>
                                                ) : (
                                                    <Time at={webhook.status_updated_at} />
                                                )}
                                            </span>
                                        </td>
                                        <td data-label="Events">{triggers(triggersOf(webhook))}</td>
                                        <td data-label="Waiting" class="number">
                                            {number(webhook, "pending")}
                                        </td>
                                        <td data-label="Failed" class="number">
                                            {number(webhook, "failed")}
                                        </td>
                                    </tr>
                                );
                            })}
                        </Table>
                    ) : (
                        <Empty title="No webhooks yet">
                            <p>
                                A webhook tells your application when a mailbox is connected, and when a grant needs its
                                owner again.
                            </p>
                        </Empty>
                    )
                }
            </Shown>
            {creating && (
                <WebhookForm
                    onDone={(webhook) => {
                        setCreating(false);
                        if ("webhook_secret" in webhook) {
                            setMade(webhook);
                        }
                    }}
                    onClose={() => setCreating(false)}
                />
            )}
            {made && (
                <SecretOnce
                    title="The webhook is created"
                    secret={made.webhook_secret}
                    what="the signing secret"
                    onKept={() => go(["webhooks", made.id])}
                />
            )}
        </Page>
    );
}

function Unread() {
    return (
        <span class="soft" title="It could not be read">
            – <span class="visually-hidden">could not be read</span>
        </span>
    );
}

function triggers(types: string[]): string {
    return types.length > 2 ? `${types.slice(0, 2).join(", ")} and ${types.length - 2} more` : types.join(", ");
}
