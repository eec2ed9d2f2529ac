/** What happened over time: one chart for each kind, because failures are few and must not drown in refreshes. */

import type { Overview } from "../core/wire";
import { classOf } from "../core/words";
import { exact } from "../parts/time";
import { Chart } from "./chart";

const HOUR = new Intl.DateTimeFormat("en-GB", { weekday: "short", hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" });

type Buckets = Overview["activity"];

export function Activity({ of: activity }: { of: Buckets }) {
    const { buckets, bucket_seconds } = activity;
    const at = buckets.map((bucket) => bucket.at);
    const span = (bucketAt: number) => (bucket_seconds < 86_400 ? HOUR : DAY).format(bucketAt * 1000);
    return (
        <>
            <div class="charts">
                <Chart
                    title="Connected and proven"
                    colour="--fill-accent"
                    at={at}
                    values={buckets.map((bucket) => bucket.verified)}
                    bucketSeconds={bucket_seconds}
                    span={span}
                />
                <Chart
                    title="Refreshed"
                    colour="--fill-good"
                    at={at}
                    values={buckets.map((bucket) => bucket.refreshed)}
                    bucketSeconds={bucket_seconds}
                    span={span}
                />
                <Chart
                    title="Failed"
                    colour="--fill-wrong"
                    at={at}
                    values={buckets.map((bucket) => bucket.failed)}
                    bucketSeconds={bucket_seconds}
                    span={span}
                    detail={(index) => classes(buckets[index]?.failures ?? {})}
                />
            </div>
            <details class="fold">
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
                <thead>
                    <tr>
                        <th scope="col">From</th>
                        <th scope="col" class="number">
                            Connected
                        </th>
                        <th scope="col" class="number">
                            Refreshed
                        </th>
                        <th scope="col" class="number">
                            Failed
                        </th>
                        <th scope="col">Why</th>
                    </tr>
                </thead>
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
