/** Activity over time: one chart for each kind, because failures are few compared with refreshes. */

import { useMemo, useState } from "preact/hooks";
import { Notice } from "../../shared/parts";
import { go, href } from "../core/route";
import type { Overview } from "../core/wire";
import { CLASSES, classOf, type TroubleClass } from "../core/words";
import { Headings } from "../parts/table";
import { exact } from "../parts/time";
import { Chart } from "./chart";

const HOUR = new Intl.DateTimeFormat("en-GB", { weekday: "short", hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" });

type Buckets = Overview["activity"];
type Bucket = Buckets["buckets"][number];

const ORDER = Object.keys(CLASSES) as TroubleClass[];

export function Activity({ of: activity }: { of: Buckets }) {
    const { buckets, bucket_seconds } = activity;
    const [failed, setFailed] = useState(false);
    const common = {
        onFailed: () => setFailed(true),
        at: useMemo(() => buckets.map((bucket) => bucket.at), [buckets]),
        bucketSeconds: bucket_seconds,
        span: (at: number) => (bucket_seconds < 86_400 ? HOUR : DAY).format(at * 1000),
    };
    const happened = useMemo(() => ORDER.filter((name) => buckets.some(({ failures }) => failures[name])), [buckets]);
    const layers = useMemo(() => {
        const bars = (name: string, colour: string, value: (bucket: Bucket) => number) => [
            { name, colour, values: buckets.map(value) },
        ];
        return {
            verified: bars("Connected and verified", "--fill-accent", ({ verified }) => verified),
            refreshed: bars("Refreshed", "--fill-good", ({ refreshed }) => refreshed),
            failed: happened.length
                ? happened.flatMap((name) => bars(name, `--class-${name}`, ({ failures }) => failures[name] ?? 0))
                : bars("Failed", "--fill-wrong", () => 0),
        };
    }, [buckets, happened]);
    return (
        <>
            {failed && (
                <Notice tone="warn">
                    <p>The charts could not be loaded. The table has the numbers.</p>
                </Notice>
            )}
            <div class={failed ? "charts undrawn" : "charts"}>
                <Chart
                    title="Connected and verified"
                    layers={layers.verified}
                    onPick={(index) => openCreated(buckets[index], bucket_seconds)}
                    picks="the grants that were created in its time"
                    {...common}
                />
                <Chart title="Refreshed" layers={layers.refreshed} {...common} />
                <Chart
                    title="Failed"
                    layers={layers.failed}
                    detail={(index) => classes(buckets[index]?.failures ?? {})}
                    onPick={(_, layer) => go(["grants"], { trouble: happened[layer] })}
                    picks="the grants with its most frequent trouble"
                    {...common}
                />
            </div>
            {happened.length > 0 && <ByClass of={happened} buckets={buckets} />}
            <details class="fold" open={failed}>
                <summary>The numbers as a table</summary>
                <ActivityTable buckets={activity} />
            </details>
        </>
    );
}

function openCreated(bucket: Bucket | undefined, seconds: number): void {
    if (bucket) {
        go(["grants"], created(bucket, seconds));
    }
}

function created({ at }: Bucket, seconds: number) {
    return { since: at, before: at + seconds - 1 };
}

/** The legend of the failures, with their numbers; each leads to the grants that have this trouble now. */
function ByClass({ of: happened, buckets }: { of: TroubleClass[]; buckets: Bucket[] }) {
    return (
        <section class="card scroll" aria-label="Failures by cause">
            <table class="rows causes">
                <Headings of={["Failures by cause", "What to do", { name: "Failures", class: "number" }]} />
                <tbody>
                    {happened.map((name) => (
                        <tr key={name}>
                            <th scope="row">
                                <span class={`swatch ${name}`} aria-hidden="true" />
                                <a href={href(["grants"], { trouble: name })}>{classOf(name).title}</a>
                            </th>
                            <td class="soft">{classOf(name).turn}</td>
                            <td class="number">
                                {buckets
                                    .reduce((sum, { failures }) => sum + (failures[name] ?? 0), 0)
                                    .toLocaleString("en")}
                            </td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </section>
    );
}

function classes(failures: Partial<Record<string, number>>): string {
    return Object.entries(failures)
        .map(([name, number]) => `${classOf(name).title} (${number})`)
        .join(", ");
}

function ActivityTable({ buckets: { buckets, bucket_seconds } }: { buckets: Buckets }) {
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
                            <td class="number">
                                {bucket.verified ? (
                                    <a href={href(["grants"], created(bucket, bucket_seconds))}>{bucket.verified}</a>
                                ) : (
                                    0
                                )}
                            </td>
                            <td class="number">{bucket.refreshed}</td>
                            <td class="number">{bucket.failed}</td>
                            <td>
                                <Causes of={bucket.failures} />
                            </td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </section>
    );
}

function Causes({ of: failures }: { of: Bucket["failures"] }) {
    return (
        <ul class="inline-list">
            {Object.entries(failures).map(([name, number]) => (
                <li key={name}>
                    <a href={href(["grants"], { trouble: name })}>
                        {classOf(name).title} ({number})
                    </a>
                </li>
            ))}
        </ul>
    );
}
