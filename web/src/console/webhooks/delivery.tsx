/** One delivery: what was sent, every attempt with the receiver's answer, and when the next one is. */

import { milliseconds } from "../../shared/format";
import type { Json } from "../../shared/json";
import { JsonView } from "../../shared/json-view";
import { Badge, Copy, Notice } from "../../shared/parts";
import { Scrollable } from "../../shared/scrollable";
import { get, path, post } from "../core/api";
import { useAction, useLoad } from "../core/load";
import { usePoll } from "../core/poll";
import { href } from "../core/route";
import type { Delivery, DeliveryAttempt, DeliveryInFull } from "../core/wire";
import { Facts } from "../parts/facts";
import { Failure } from "../parts/failure";
import { Shown } from "../parts/loading";
import { Page, Section } from "../parts/page";
import { Due, Moment, Time } from "../parts/time";
import { deliveryState } from "./deliveries";

const SHOWN_ATTEMPTS = 10;

export function DeliveryPage({ webhook, id }: { webhook: string; id: string }) {
    const address = path`/v3/webhooks/${webhook}/deliveries/${id}`;
    const loaded = useLoad((signal) => get<DeliveryInFull>(address, {}, signal), [webhook, id]);
    const again = useAction(async () => {
        await post<Delivery>(`${address}/replay`);
        loaded.reload();
    });
    const delivery = loaded.data;
    usePoll(() => {
        if (delivery?.state === "pending") {
            loaded.reload();
        }
    }, 5000);
    const state = delivery && deliveryState(delivery);
    return (
        <Page
            title={delivery ? delivery.type : "Delivery"}
            back={{ href: href(["webhooks", webhook]), label: "Webhook" }}
            lead={
                delivery &&
                state && (
                    <>
                        <Badge tone={state.tone}>{state.word}</Badge> {delivery.reason && `${delivery.reason}. `}
                        {delivery.next_try_at && (
                            <>
                                Next attempt: <Due at={delivery.next_try_at} />.
                            </>
                        )}
                        {delivery.ended_at && <Time at={delivery.ended_at} />}
                    </>
                )
            }
            actions={
                <>
                    <button type="button" class="button" disabled={loaded.loading} onClick={loaded.reload}>
                        Refresh
                    </button>
                    {delivery && delivery.state !== "pending" && (
                        <button
                            type="button"
                            class="button primary"
                            disabled={again.busy}
                            onClick={() => void again.run()}
                        >
                            {again.busy ? "Sending…" : "Send again"}
                        </button>
                    )}
                </>
            }
        >
            <Failure problem={again.problem} />
            <Shown of={loaded} what="the delivery">
                {(delivery) => (
                    <>
                        <div class="card padded">
                            <Facts
                                of={[
                                    [
                                        "Destination",
                                        <code key="url" class="break">
                                            {delivery.url}
                                        </code>,
                                    ],
                                    [
                                        "Grant",
                                        delivery.grant_id && (
                                            <a key="grant" href={href(["grants", delivery.grant_id])}>
                                                <code>{delivery.grant_id}</code>
                                            </a>
                                        ),
                                    ],
                                    ["Event time", <Time key="at" at={delivery.created_at} />],
                                    ["Notification ID", <code key="id">{delivery.event_id}</code>],
                                    ["Attempts", delivery.attempts || "none yet"],
                                ]}
                            />
                        </div>
                        <Attempts of={delivery} />
                        <Sent delivery={delivery} />
                    </>
                )}
            </Shown>
        </Page>
    );
}

function Attempts({ of: { history, attempts } }: { of: DeliveryInFull }) {
    const [latest, ...earlier] = history;
    const lost = Math.max(0, attempts - history.length);
    return (
        <Section
            title="Attempts"
            note={
                lost > 0 && attempts > SHOWN_ATTEMPTS
                    ? `The latest ${history.length} of ${attempts}, newest first.`
                    : "Newest first."
            }
        >
            {latest ? (
                <ol class="attempts card">
                    <AttemptItem attempt={latest} open />
                    {earlier.map((attempt) => (
                        <AttemptItem key={attempt.number} attempt={attempt} />
                    ))}
                </ol>
            ) : (
                <p class="soft">No attempt has ended yet.</p>
            )}
        </Section>
    );
}

function AttemptItem({ attempt, open = false }: { attempt: DeliveryAttempt; open?: boolean }) {
    const well = /^2\d\d$/.test(attempt.outcome);
    const headers = Object.entries(attempt.answer_headers ?? {});
    return (
        <li>
            <details open={open}>
                <summary>
                    <span class="attempt-head">
                        <Badge tone={well ? "good" : "warn"}>{attempt.reason}</Badge>
                        <span>Attempt {attempt.number}</span>
                        <span class="soft small">
                            {attempt.signature ? `${milliseconds(attempt.duration_ms)}, ` : ""}
                            <Time at={attempt.at} />
                        </span>
                    </span>
                </summary>
                <div class="attempt-body">
                    <Facts
                        of={[
                            ["Time", <Moment key="at" at={attempt.at} />],
                            ["Duration", attempt.signature && milliseconds(attempt.duration_ms)],
                            [
                                "Signature sent",
                                attempt.signature && (
                                    <code key="sig" class="break">
                                        {attempt.signature}
                                    </code>
                                ),
                            ],
                        ]}
                    />
                    {attempt.answer_headers ? (
                        <>
                            <h3>Answer</h3>
                            <Scrollable
                                label={`Headers of the answer to attempt ${attempt.number}`}
                                class="answer code-panel"
                            >
                                <pre>
                                    {[attempt.outcome, ...headers.map(([name, value]) => `${name}: ${value}`)].join(
                                        "\n",
                                    )}
                                </pre>
                            </Scrollable>
                            {attempt.answer_body ? (
                                <Scrollable
                                    label={`Body of the answer to attempt ${attempt.number}`}
                                    class="answer code-panel"
                                >
                                    <pre>{attempt.answer_body}</pre>
                                </Scrollable>
                            ) : (
                                <p class="soft small">The answer had no body.</p>
                            )}
                            {attempt.answer_cut && (
                                <p class="soft small">The body was longer. The first 2 KB are kept.</p>
                            )}
                        </>
                    ) : (
                        <p class="soft small">{attempt.signature ? "There was no answer." : "Nothing was sent."}</p>
                    )}
                </div>
            </details>
        </li>
    );
}

function Sent({ delivery }: { delivery: DeliveryInFull }) {
    const signature = delivery.history[0]?.signature;
    return (
        <Section
            title="Sent"
            actions={<Copy text={() => JSON.stringify(delivery.notification, null, 2)} what="the payload" />}
        >
            {delivery.lacks_contents && (
                <Notice>
                    <p>
                        The message itself is read from its mail server when the notification is sent. It is not stored,
                        so it is not shown here.
                    </p>
                </Notice>
            )}
            <div class="card padded sent">
                <h3>Headers</h3>
                <dl class="sent-headers">
                    {Object.entries(delivery.headers).map(([name, value]) => (
                        <div key={name}>
                            <dt>{name}</dt>
                            <dd>{value}</dd>
                        </div>
                    ))}
                    <div>
                        <dt>X-Nylas-Signature</dt>
                        <dd>
                            {signature ?? <span class="soft">made with each attempt</span>}
                            <span class="soft second">
                                HMAC-SHA256 of the body, as hex. The key is the signing secret, which is not shown.
                            </span>
                        </dd>
                    </div>
                </dl>
                <h3>Payload</h3>
                <div class="code-panel padded">
                    <JsonView value={delivery.notification as Json} />
                </div>
            </div>
        </Section>
    );
}
