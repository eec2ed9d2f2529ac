/** One import: how far it is, what does not work, and what became of each row. */

import { useMemo, useState } from "preact/hooks";
import { Badge, Loading, Notice } from "../../shared/parts";
import { get, path, post } from "../core/api";
import { type Loaded, useAction, useLoad } from "../core/load";
import { usePoll } from "../core/poll";
import { href, refine } from "../core/route";
import type { ImportCounts, ImportProgress, ImportSource } from "../core/wire";
import { count, providerName } from "../core/words";
import { Chart } from "../overview/chart";
import { Confirm } from "../parts/confirm";
import { Failure } from "../parts/failure";
import { Page, Section } from "../parts/page";
import { Table } from "../parts/table";
import { Due, Time } from "../parts/time";
import { isOpen } from "./imports";
import { Results } from "./results";
import { importState, NAMES, OUTCOMES } from "./words";

const EVERY = 2000;

export function ImportPage({ id }: { id: string }) {
    const loaded = useLoad((signal) => get<ImportProgress>(path`/v3/imports/${id}`, {}, signal), [id]);
    const job = loaded.data;
    usePoll(() => job && isOpen(job) && loaded.reload(), EVERY);
    const state = job && importState(job, job.counts.staged, job.counts.waiting);
    return (
        <Page
            title={job?.name ?? "Import"}
            back={{ href: href(["imports"]), label: "Imports" }}
            lead={state && <Badge tone={state.tone}>{state.word}</Badge>}
            actions={job && <Actions job={job} loaded={loaded} />}
        >
            <Failure problem={loaded.problem} again={loaded.reload} />
            {!job && !loaded.problem && <Loading what="Loading the import" />}
            {job && (
                <>
                    <Progress job={job} />
                    <Sources job={job} />
                    <Speed job={job} />
                    <Results job={job} />
                </>
            )}
        </Page>
    );
}

/** Its grants are not refreshed before the cut-over, also when no row waits any more. */
function holdsGrants({ hold_refresh, cut_over_done_at, status }: ImportProgress): boolean {
    return hold_refresh && cut_over_done_at === undefined && status !== "cancelled" && status !== "loading";
}

function Actions({ job, loaded }: { job: ImportProgress; loaded: Loaded<ImportProgress> }) {
    const [asking, setAsking] = useState<"cancel" | "cut-over">();
    const act = async (verb: string) => {
        const changed = await post<ImportProgress>(path`/v3/imports/${job.id}/${verb}`);
        loaded.put(() => changed);
    };
    const turn = useAction(act);
    return (
        <>
            <Failure problem={turn.problem} />
            {((job.counts.staged > 0 && isOpen(job)) || holdsGrants(job)) && (
                <button type="button" class="button primary" onClick={() => setAsking("cut-over")}>
                    Cut over…
                </button>
            )}
            {job.status === "running" && (
                <button type="button" class="button" disabled={turn.busy} onClick={() => void turn.run("pause")}>
                    Pause
                </button>
            )}
            {job.status === "paused" && (
                <button
                    type="button"
                    class="button primary"
                    disabled={turn.busy}
                    onClick={() => void turn.run("resume")}
                >
                    Resume
                </button>
            )}
            {isOpen(job) && (
                <button type="button" class="button danger" onClick={() => setAsking("cancel")}>
                    Cancel…
                </button>
            )}
            {asking === "cancel" && (
                <Confirm
                    title="Cancel this import?"
                    submit="Cancel the import"
                    act={() => act("cancel")}
                    onClose={() => setAsking(undefined)}
                >
                    <p>
                        {count(job.counts.waiting + job.counts.staged, "row is", "rows are")} not verified, and their
                        credentials are destroyed. Grants that exist stay.
                    </p>
                </Confirm>
            )}
            {asking === "cut-over" && (
                <Confirm
                    title="Cut over now?"
                    submit={job.counts.staged > 0 ? "Use the tokens" : "Refresh the grants"}
                    under="Cutting over…"
                    act={() => act("cut-over")}
                    onClose={() => setAsking(undefined)}
                >
                    {job.counts.staged > 0 && (
                        <p>{count(job.counts.staged, "refresh token is", "refresh tokens are")} used now.</p>
                    )}
                    {holdsGrants(job) && <p>The grants of this import are refreshed from now on.</p>}
                    <p>Tokens may stop working anywhere else, so stop the other side from refreshing first.</p>
                </Confirm>
            )}
        </>
    );
}

function Progress({ job }: { job: ImportProgress }) {
    const { counts, rows } = job;
    const left = counts.waiting + counts.staged;
    const done = rows - left;
    const shown = NAMES.filter((name) => counts[name] > 0);
    return (
        <section class="card padded import-progress" aria-label="Progress">
            <p class="import-done">
                <strong class="figure">{rows ? `${Math.floor((done / rows) * 100)} %` : "–"}</strong>
                <span class="soft">
                    {done.toLocaleString("en")} of {count(rows, "row")}
                    {job.rows_per_second !== undefined && ` · ${job.rows_per_second.toLocaleString("en")} a second`}
                    {job.ends_at !== undefined && (
                        <>
                            {" · done "}
                            <Due at={job.ends_at} />
                        </>
                    )}
                    {job.finished_at !== undefined && (
                        <>
                            {" · ended "}
                            <Time at={job.finished_at} />
                        </>
                    )}
                </span>
            </p>
            <CountsBar counts={counts} rows={rows} />
            <ul class="import-counts">
                {shown.map((name) => (
                    <li key={name}>
                        <button
                            type="button"
                            class="link"
                            title={OUTCOMES[name].means}
                            onClick={() => refine({ outcome: name })}
                        >
                            <span class={`swatch outcome-${name}`} aria-hidden="true" />
                            {OUTCOMES[name].label}
                        </button>{" "}
                        <span class="number">{counts[name].toLocaleString("en")}</span>
                    </li>
                ))}
            </ul>
            {holdsGrants(job) && <p class="soft small">Its grants are not refreshed before the cut-over.</p>}
            {job.cut_over_at !== undefined && (counts.staged > 0 || holdsGrants(job)) && (
                <p class="soft small">
                    The cut-over comes by itself <Time at={job.cut_over_at} />.
                </p>
            )}
        </section>
    );
}

function CountsBar({ counts, rows }: { counts: ImportCounts; rows: number }) {
    return (
        <div class="import-bar" aria-hidden="true">
            {rows > 0 &&
                NAMES.filter((name) => counts[name] > 0).map((name) => (
                    <span key={name} class={`outcome-${name}`} style={{ flexGrow: counts[name] }} />
                ))}
        </div>
    );
}

function Sources({ job }: { job: ImportProgress }) {
    const { sources } = job;
    if (!sources.length) {
        return null;
    }
    const troubled = isOpen(job) ? sources.filter(({ trouble }) => trouble) : [];
    return (
        <Section
            title="Sources"
            note={
                job.all_sources > sources.length
                    ? `Where rows are verified: ${sources.length} of ${job.all_sources.toLocaleString("en")}.`
                    : "Where rows are verified: a connector, a credential or a mail host. One that does not work pauses alone."
            }
        >
            {troubled.map((source) => (
                <Notice key={source.id} tone="warn">
                    <p>
                        <strong>{nameOf(source)} is paused</strong>: <code>{source.trouble?.reason}</code>, since{" "}
                        <Time at={source.trouble?.since ?? 0} />.
                    </p>
                    {source.trouble?.remedy && <p>{source.trouble.remedy}</p>}
                    <p class="soft small">
                        It goes on by itself when it works again. Next attempt:{" "}
                        {source.paused_until ? <Due at={source.paused_until} /> : "soon"}.{" "}
                        <a href={href(["connectors", source.provider])}>Open the connector</a>
                    </p>
                </Notice>
            ))}
            <Table
                class="stack dense"
                columns={[
                    "Source",
                    "State",
                    "Progress",
                    { name: "Rows", class: "number" },
                    { name: "Waiting", class: "number" },
                ]}
            >
                {sources.map((source) => (
                    <tr key={source.id}>
                        <th scope="row">
                            {nameOf(source)}
                            <span class="soft second mono">{source.id}</span>
                        </th>
                        <td data-label="State">
                            <SourceBadge source={source} />
                        </td>
                        <td data-label="Progress" class="import-bar-column">
                            <CountsBar counts={source.counts} rows={source.rows} />
                        </td>
                        <td data-label="Rows" class="number">
                            {source.rows.toLocaleString("en")}
                        </td>
                        <td data-label="Waiting" class="number">
                            {(source.counts.waiting + source.counts.staged).toLocaleString("en")}
                        </td>
                    </tr>
                ))}
            </Table>
        </Section>
    );
}

function SourceBadge({ source }: { source: ImportSource }) {
    const { waiting, staged } = source.counts;
    if (!waiting && !staged) {
        return <Badge tone="good">Done</Badge>;
    }
    if (source.state === "paused") {
        return <Badge tone="warn">Paused</Badge>;
    }
    return staged && !waiting ? <Badge>Until cut-over</Badge> : <Badge tone="accent">Working</Badge>;
}

function nameOf({ provider, id }: ImportSource): string {
    const host = id.split("/")[1];
    return host ? `${providerName(provider)} at ${host}` : providerName(provider);
}

const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

function Speed({ job: { spans, span_seconds } }: { job: ImportProgress }) {
    const [failed, setFailed] = useState(false);
    const filled = useMemo(() => fill(spans, span_seconds), [spans, span_seconds]);
    if (filled.length < 2 || failed) {
        return null;
    }
    return (
        <Section title="Speed">
            <Chart
                title={`Rows in ${span_seconds === 1 ? "a second" : `${span_seconds} seconds`}`}
                at={filled.map(({ at }) => at)}
                layers={[{ name: "Rows", colour: "--fill-accent", values: filled.map(({ rows }) => rows) }]}
                bucketSeconds={span_seconds}
                span={(at) => TIME.format(at * 1000)}
                onFailed={() => setFailed(true)}
            />
        </Section>
    );
}

/** With the spans in which nothing was done. */
function fill(spans: ImportProgress["spans"], step: number): ImportProgress["spans"] {
    const first = spans[0];
    const last = spans.at(-1);
    if (!first || !last) {
        return [];
    }
    const rows = new Map(spans.map((span) => [span.at, span.rows]));
    return Array.from({ length: Math.min(Math.round((last.at - first.at) / step) + 1, 500) }, (_, index) => {
        const at = first.at + index * step;
        return { at, rows: rows.get(at) ?? 0 };
    });
}
