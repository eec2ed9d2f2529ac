/** The overview: the state of everything, problems first. */

import { Notice } from "../../shared/parts";
import { get } from "../core/api";
import { useLoad } from "../core/load";
import { usePoll } from "../core/poll";
import { here, href, refine } from "../core/route";
import type { Overview } from "../core/wire";
import { upToTenThousand } from "../core/words";
import { Shown } from "../parts/loading";
import { Page, Section } from "../parts/page";
import { Time } from "../parts/time";
import { Activity } from "./activity";
import { DegradedList } from "./degraded";
import { FirstSteps } from "./first-steps";
import { Matrix } from "./matrix";
import { WebhookList } from "./webhook-list";

const SPANS = [
    [24, "24 h", "24 hours"],
    [168, "7 d", "7 days"],
    [720, "30 d", "30 days"],
] as const;
const EVERY = 30_000;

export function OverviewPage() {
    const asked = Number(here.value.query.get("hours") ?? 24);
    const [hours, , span] = SPANS.find(([hours]) => hours === asked) ?? SPANS[0];
    const loaded = useLoad((signal) => get<Overview>("/v3/overview", { hours }, signal), [hours]);
    usePoll(loaded.reload, EVERY);
    return (
        <Page
            title="Overview"
            lead={
                loaded.data && (
                    <>
                        As of <Time at={loaded.data.at} />. Updates automatically.
                    </>
                )
            }
        >
            <Shown of={loaded} what="the overview">
                {(overview) =>
                    isFresh(overview) ? (
                        <FirstSteps webhooks={overview.webhooks.length} />
                    ) : (
                        <>
                            <Alarms overview={overview} />
                            <Numbers overview={overview} />
                            <Section title="Activity" note={`Of the last ${span}.`} actions={<Spans hours={hours} />}>
                                <Activity of={overview.activity} />
                            </Section>
                            <div class="halves">
                                <Section title="Grants by provider">
                                    <Matrix grants={overview.grants} />
                                </Section>
                                <Section title="Webhooks">
                                    <WebhookList webhooks={overview.webhooks} />
                                </Section>
                            </div>
                        </>
                    )
                }
            </Shown>
        </Page>
    );
}

/** Nothing has happened yet, so zeros and empty charts are not shown. */
function isFresh({ grants, activity }: Overview): boolean {
    return (
        grants.length === 0 &&
        activity.buckets.every(({ verified, refreshed, failed }) => !(verified + refreshed + failed))
    );
}

function Spans({ hours }: { hours: number }) {
    return (
        <fieldset class="segments">
            <legend class="visually-hidden">Time range</legend>
            {SPANS.map(([value, label, words]) => (
                <button
                    type="button"
                    key={value}
                    aria-pressed={value === hours}
                    title={words}
                    onClick={() => refine({ hours: value === 24 ? undefined : value })}
                >
                    {label}
                </button>
            ))}
        </fieldset>
    );
}

/** The problems that need attention now. */
function Alarms({ overview }: { overview: Overview }) {
    const { overdue } = overview.expiring;
    return (
        <>
            {overview.degraded.length > 0 && (
                <Section title="Degraded connectors" note="Their grants are kept as they are. None is lost.">
                    <DegradedList degraded={overview.degraded} />
                </Section>
            )}
            {overdue > 0 && (
                <Notice tone="warn">
                    <p>
                        <strong>
                            {upToTenThousand(overdue)} {overdue === 1 ? "grant is" : "grants are"} overdue.
                        </strong>{" "}
                        They should have been checked by now.{" "}
                        {overview.degraded.length > 0 ? (
                            "Those of the connectors above wait for them."
                        ) : (
                            <>
                                Check that a node runs background work: <code>opengrant doctor</code>.
                            </>
                        )}
                    </p>
                </Notice>
            )}
        </>
    );
}

function Numbers({ overview }: { overview: Overview }) {
    const sum = (of: "valid" | "invalid" | "troubled" | "held") =>
        overview.grants.reduce((total, row) => total + row[of], 0);
    const { tokens_within_hour, tokens_within_day, suspected } = overview.expiring;
    const troubles = [
        sum("held") && `${sum("held").toLocaleString("en")} held`,
        suspected && `${suspected.toLocaleString("en")} refused once`,
    ].filter(Boolean);
    return (
        <ul class="numbers">
            <Figure
                label="Valid grants"
                value={sum("valid")}
                note={`of ${(sum("valid") + sum("invalid")).toLocaleString("en")} in all`}
                to={href(["grants"], { state: "valid" })}
                tone="good"
            />
            <Figure
                label="In trouble"
                value={sum("troubled")}
                note={troubles.length ? troubles.join(", ") : "valid, but failing"}
                to={href(["grants"], { state: "troubled" })}
                tone="warn"
            />
            <Figure
                label="Must reconnect"
                value={sum("invalid")}
                note="invalid grants"
                to={href(["grants"], { state: "invalid" })}
                tone="wrong"
            />
            <Figure
                label="Tokens expiring soon"
                value={tokens_within_hour}
                shown={upToTenThousand(tokens_within_hour)}
                note={`within the hour; ${upToTenThousand(tokens_within_day)} within a day. Renewed automatically`}
            />
        </ul>
    );
}

function Figure({
    label,
    value,
    shown = value.toLocaleString("en"),
    note,
    to,
    tone,
}: {
    label: string;
    value: number;
    shown?: string;
    note?: string;
    to?: string;
    tone?: "good" | "warn" | "wrong";
}) {
    const content = (
        <>
            <span class="figure-label">{label}</span>
            <span class={value > 0 && tone ? `figure ${tone}` : "figure"}>{shown}</span>
            {note && <span class="soft small">{note}</span>}
        </>
    );
    return <li class="card">{to ? <a href={to}>{content}</a> : <div>{content}</div>}</li>;
}
