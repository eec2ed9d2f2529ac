/** Deliveries to a webhook; one, or all failed ones, can be sent again. */

import { useState } from "preact/hooks";
import { Badge, Notice } from "../../shared/parts";
import { page, path, post } from "../core/api";
import { useAction, useGrowing } from "../core/load";
import { href } from "../core/route";
import type { Delivery } from "../core/wire";
import { count, type State } from "../core/words";
import { Failure } from "../parts/failure";
import { Choice } from "../parts/field";
import { Empty, More, Shown } from "../parts/loading";
import { Table } from "../parts/table";
import { Due, Time } from "../parts/time";

const FILTERS = [
    ["", "Any state"],
    ["pending", "Waiting"],
    ["delivered", "Delivered"],
    ["failed", "Failed"],
] as const;

/** A delivery's state: one that waits after a failed attempt is amber. */
export function deliveryState({ state, outcome }: Delivery): State {
    if (state === "pending") {
        return outcome ? { word: "Will be retried", tone: "warn" } : { word: "Waiting", tone: "neutral" };
    }
    return state === "delivered" ? { word: "Delivered", tone: "good" } : { word: "Failed", tone: "wrong" };
}

export function Deliveries({ id, onChange }: { id: string; onChange: () => void }) {
    const [state, setState] = useState("");
    const [replayed, setReplayed] = useState<number>();
    const list = useGrowing<Delivery>(
        (cursor, signal) => page(path`/v3/webhooks/${id}/deliveries`, { state, limit: 50, page_token: cursor }, signal),
        [id, state],
    );
    const replay = useAction(async (delivery: Delivery) => {
        const changed = await post<Delivery>(path`/v3/webhooks/${id}/deliveries/${delivery.id}/replay`);
        list.put((rows) => rows.map((one) => (one.id === changed.id ? changed : one)));
    });
    const all = useAction(async () => {
        setReplayed((await post<{ replayed: number }>(path`/v3/webhooks/${id}/deliveries/replay-failed`)).replayed);
        list.reload();
    });
    return (
        <>
            <div class="filters">
                <Choice label="State of deliveries" compact value={state} onValue={setState} options={FILTERS} />
                <button
                    type="button"
                    class="button"
                    disabled={list.loading}
                    onClick={() => {
                        list.reload();
                        onChange();
                    }}
                >
                    Refresh
                </button>
                <button type="button" class="button" disabled={all.busy} onClick={() => void all.run()}>
                    {all.busy ? "Sending…" : "Send all failed again"}
                </button>
            </div>
            <Failure problem={replay.problem ?? all.problem} />
            {replayed !== undefined && (
                <Notice tone="good">
                    <p>
                        {replayed
                            ? `${count(replayed, "delivery is", "deliveries are")} sent again.`
                            : "None has failed."}
                    </p>
                </Notice>
            )}
            <Shown of={list} what="deliveries">
                {(deliveries) =>
                    deliveries.length ? (
                        <>
                            <DeliveryTable
                                deliveries={deliveries}
                                busy={replay.busy}
                                onReplay={(delivery) => void replay.run(delivery)}
                            />
                            <More of={list} />
                        </>
                    ) : (
                        <Empty title={state ? "No deliveries in this state" : "No deliveries yet"}>
                            <p>Events appear here as soon as they happen.</p>
                        </Empty>
                    )
                }
            </Shown>
        </>
    );
}

function DeliveryTable({
    deliveries,
    busy,
    onReplay,
}: {
    deliveries: Delivery[];
    busy: boolean;
    onReplay: (delivery: Delivery) => void;
}) {
    return (
        <Table class="stack dense" columns={["Event", "State", "Attempts", "When", { name: "Actions", hidden: true }]}>
            {deliveries.map((delivery) => {
                const { tone, word } = deliveryState(delivery);
                return (
                    <tr key={delivery.id}>
                        <th scope="row">
                            <a href={href(["webhooks", delivery.webhook_id, "deliveries", delivery.id])}>
                                <code>{delivery.type}</code>
                            </a>
                            <span class="soft second">
                                {delivery.grant_id ? (
                                    <a href={href(["grants", delivery.grant_id])}>its grant</a>
                                ) : (
                                    "no grant’s"
                                )}
                                {" · "}
                                <span title="The notification’s id: the same each time it is sent">
                                    {delivery.event_id}
                                </span>
                            </span>
                        </th>
                        <td data-label="State">
                            <Badge tone={tone}>{word}</Badge>
                            {delivery.reason && <span class="soft second">{delivery.reason}</span>}
                        </td>
                        <td data-label="Attempts">{delivery.attempts}</td>
                        <td data-label="When">
                            <Time at={delivery.created_at} />
                            {delivery.next_try_at && (
                                <span class="soft second">
                                    next try <Due at={delivery.next_try_at} />
                                </span>
                            )}
                            {delivery.ended_at && (
                                <span class="soft second">
                                    ended <Time at={delivery.ended_at} />
                                </span>
                            )}
                        </td>
                        <td class="ends">
                            {delivery.state !== "pending" && (
                                <button
                                    type="button"
                                    class="button"
                                    disabled={busy}
                                    aria-label={`Send again ${delivery.type} ${delivery.event_id}`}
                                    onClick={() => onReplay(delivery)}
                                >
                                    Send again
                                </button>
                            )}
                        </td>
                    </tr>
                );
            })}
        </Table>
    );
}
