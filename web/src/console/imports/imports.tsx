/** Imports: jobs that create many grants, newest first. */

import { useState } from "preact/hooks";
import { Badge } from "../../shared/parts";
import { page } from "../core/api";
import { useGrowing } from "../core/load";
import { usePoll } from "../core/poll";
import { href } from "../core/route";
import type { ImportJob } from "../core/wire";
import { Empty, More, Shown } from "../parts/loading";
import { Page } from "../parts/page";
import { CopyLine } from "../parts/secret";
import { Table } from "../parts/table";
import { Time } from "../parts/time";
import { NewImport } from "./new-import";
import { importState } from "./words";

const EVERY = 10_000;

export function ImportsPage() {
    const list = useGrowing<ImportJob>(
        (cursor, signal) => page("/v3/imports", { limit: 50, page_token: cursor }, signal),
        [],
    );
    const [adding, setAdding] = useState(false);
    usePoll(() => list.data?.some(isOpen) && list.data.length <= 50 && list.reload(), EVERY);
    return (
        <Page
            title="Imports"
            lead="Jobs that create many grants from rows that you hold."
            actions={
                <>
                    <button type="button" class="button" disabled={list.loading} onClick={list.reload}>
                        Refresh
                    </button>
                    <button type="button" class="button primary" onClick={() => setAdding(true)}>
                        Import a file…
                    </button>
                </>
            }
        >
            {adding && <NewImport onClose={() => setAdding(false)} />}
            <Shown of={list} what="imports">
                {(jobs) =>
                    jobs.length ? (
                        <>
                            <Jobs jobs={jobs} />
                            <More of={list} />
                        </>
                    ) : (
                        <Empty title="No imports yet">
                            <p>
                                Write one line for each mailbox into a file. Check it first: a dry run asks no provider
                                and stores nothing.
                            </p>
                            <CopyLine text="opengrant import users.ndjson --dry-run" what="the command" />
                            <p>
                                Or send the rows to <code>POST /v3/imports</code>:{" "}
                                <a href="/reference#/operation/create_import">see the reference</a>.
                            </p>
                        </Empty>
                    )
                }
            </Shown>
        </Page>
    );
}

export function isOpen({ status }: Pick<ImportJob, "status">): boolean {
    return status !== "finished" && status !== "cancelled";
}

function Jobs({ jobs }: { jobs: ImportJob[] }) {
    return (
        <Table class="stack" columns={["Import", "State", "Created", "Ended"]}>
            {jobs.map((job) => {
                const { word, tone } = importState(job);
                return (
                    <tr key={job.id}>
                        <th scope="row">
                            <a href={href(["imports", job.id])}>{job.name}</a>
                            <span class="soft second mono">{job.id}</span>
                        </th>
                        <td data-label="State">
                            <Badge tone={tone}>{word}</Badge>
                        </td>
                        <td data-label="Created">
                            <Time at={job.created_at} />
                        </td>
                        <td data-label="Ended">
                            {job.finished_at ? <Time at={job.finished_at} /> : <span class="soft">–</span>}
                        </td>
                    </tr>
                );
            })}
        </Table>
    );
}
