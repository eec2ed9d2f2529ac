/** Activity over time: one chart for each kind, because failures are few compared with refreshes. */

import { useState } from "preact/hooks";
import { Notice } from "../../shared/parts";
import type { Overview } from "../core/wire";
import { classOf } from "../core/words";
import { Headings } from "../parts/table";
import { exact } from "../parts/time";
import { Chart } from "./chart";

const HOUR = new Intl.DateTimeFormat("en-GB", { weekday: "short", hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" });

type Buckets = Overview["activity"];

export function Activity({ of: activity }: { of: Buckets }) {
    const { buckets, bucket_seconds } = activity;
    const [failed, setFailed] = useState(false);
    const common = {
        onFailed: () => setFailed(true),
        at: buckets.map((bucket) => bucket.at),
        bucketSeconds: bucket_seconds,
        span: (at: number) => (bucket_seconds < 86_400 ? HOUR : DAY).format(at * 1000),
    };
    const numbers = (of: "verified" | "refreshed" | "failed") => buckets.map((bucket) => bucket[of]);
    return (
        <>
            {failed && (
                <Notice tone="warn">
                    <p>The charts could not be loaded. The table has the numbers.</p>
                </Notice>
            )}
            <div class={failed ? "charts undrawn" : "charts"}>
                <Chart title="Connected and verified" colour="--fill-accent" values={numbers("verified")} {...common} />
                <Chart title="Refreshed" colour="--fill-good" values={numbers("refreshed")} {...common} />
                <Chart
                    title="Failed"
                    colour="--fill-wrong"
                    values={numbers("failed")}
                    detail={(index) => classes(buckets[index]?.failures ?? {})}
                    {...common}
                />
            </div>
            <details class="fold" open={failed}>
                <summary>The numbers as a table</summary>
                <ActivityTable buckets={activity} />
            </details>
        </>
    );
}

function classes(failures: Partial<Record<string, number>>): string {
    return Object.entries(failures)
        .map(([name, number]) => `${classOf(name).title} (${number})`)
        .join(", ");
}

function ActivityTable({ buckets: { buckets } }: { buckets: Buckets }) {
    return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <section class="card scroll tall" tabIndex={0} aria-label="Activity in numbers">
            <table class="rows">
                <Headings
                    of={[
                        "From",
                        { name: "Connected", class: "number" },
                        { name: "Refreshed", class: "number" },
                        { name: "Failed", class: "number" },
                        "Why",
                    ]}
                />
                <tbody>
                    {buckets.toReversed().map((bucket) => (
                        <tr key={bucket.at}>
                            <th scope="row">{exact(bucket.at)}</th>
                            <td class="number">{bucket.verified}</td>
                            <td class="number">{bucket.refreshed}</td>
                            <td class="number">{bucket.failed}</td>
                            <td>{classes(bucket.failures)}</td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </section>
    );
}
