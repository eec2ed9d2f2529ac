/** The state of each webhook. */

import { Badge } from "../../shared/parts";
import { href } from "../core/route";
import type { WebhookBacklog } from "../core/wire";
import { upToThousand, webhookState } from "../core/words";
import { Empty } from "../parts/loading";
import { Time } from "../parts/time";

export function WebhookList({ webhooks }: { webhooks: WebhookBacklog[] }) {
    if (!webhooks.length) {
        return (
            <Empty title="No webhooks">
                <p>
                    <a href={href(["webhooks"])}>Create one</a> to receive an event when a grant needs its owner.
                </p>
            </Empty>
        );
    }
    return (
        <ul class="card list">
            {webhooks
                .map((webhook) => ({ webhook, state: webhookState(webhook, webhook.failing) }))
                .map(({ webhook, state }) => (
                    <li key={webhook.id}>
                        <p class="row-head">
                            <a class="break" href={href(["webhooks", webhook.id])}>
                                {webhook.description || webhook.webhook_url}
                            </a>
                            <Badge tone={state.tone}>{state.word}</Badge>
                        </p>
                        {webhook.description && <p class="soft small break">{webhook.webhook_url}</p>}
                        <p class="soft small">
                            {upToThousand(webhook.pending)} waiting
                            {webhook.oldest_pending_at && (
                                <>
                                    , the oldest from <Time at={webhook.oldest_pending_at} />
                                </>
                            )}
                            , {upToThousand(webhook.failed)} failed
                        </p>
                        {state.tone !== "good" && <p class="small">{state.means}</p>}
                    </li>
                ))}
        </ul>
    );
}
