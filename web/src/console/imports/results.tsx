/** What became of each row of an import, and the files of it. */

import { Badge } from "../../shared/parts";
import { page, path } from "../core/api";
import { useAction, useGrowing } from "../core/load";
import { here, href, refine } from "../core/route";
import type { ImportProgress, ImportResult } from "../core/wire";
import { providerName } from "../core/words";
import { download } from "../grants/download";
import { Failure } from "../parts/failure";
import { Choice } from "../parts/field";
import { Empty, More, Shown } from "../parts/loading";
import { Section } from "../parts/page";
import { Table } from "../parts/table";
import { NAMES, OUTCOMES, type Outcome } from "./words";

export function Results({ job }: { job: ImportProgress }) {
    const outcome = chosenOutcome();
    const list = useGrowing<ImportResult>(
        (cursor, signal) =>
            page(path`/v3/imports/${job.id}/results`, { outcome, limit: 50, page_token: cursor }, signal),
        [job.id, outcome],
    );
    const file = useAction((form: "csv" | "ndjson") =>
        download(`${path`/v3/imports/${job.id}/results`}.${form}`, { outcome }, `import-results.${form}`),
    );
    return (
        <Section
            title="Rows"
            note="In the order of the input."
            actions={
                <>
                    <button type="button" class="button" disabled={file.busy} onClick={() => void file.run("csv")}>
                        Download CSV
                    </button>
                    <button type="button" class="button" disabled={file.busy} onClick={() => void file.run("ndjson")}>
                        NDJSON
                    </button>
                </>
            }
        >
            <Failure problem={file.problem} />
            <div class="filters">
                <Choice
                    label="Outcome"
                    compact
                    value={outcome}
                    onValue={(value) => refine({ outcome: value })}
                    options={[["", "Any outcome"], ...NAMES.map((name) => [name, OUTCOMES[name].label] as const)]}
                />
                <button type="button" class="button" disabled={list.loading} onClick={list.reload}>
                    Refresh
                </button>
            </div>
            <Shown of={list} what="rows">
                {(rows) =>
                    rows.length ? (
                        <>
                            <Rows rows={rows} />
                            <More of={list} />
                        </>
                    ) : (
                        <Empty title={outcome ? "No rows with this outcome" : "No rows yet"} />
                    )
                }
            </Shown>
        </Section>
    );
}

function Rows({ rows }: { rows: ImportResult[] }) {
    return (
        <Table
            class="stack dense"
            columns={[{ name: "Line", class: "number" }, "Your id", "Outcome", "Grant", "Reason"]}
        >
            {rows.map((row) => (
                <tr key={row.line}>
                    <td data-label="Line" class="number">
                        {row.line.toLocaleString("en")}
                    </td>
                    <th scope="row">
                        {row.id ?? <span class="soft">none</span>}
                        {row.provider && <span class="soft second">{providerName(row.provider)}</span>}
                    </th>
                    <td data-label="Outcome">
                        <Badge tone={OUTCOMES[row.outcome].tone}>{OUTCOMES[row.outcome].label}</Badge>
                    </td>
                    <td data-label="Grant">
                        {row.grant_id && hasGrant(row) ? (
                            <a href={href(["grants", row.grant_id])}>
                                <code>{row.grant_id}</code>
                            </a>
                        ) : (
                            <span class="soft">–</span>
                        )}
                    </td>
                    <td data-label="Reason">
                        {row.reason}
                        {row.remedy && row.remedy !== row.reason && <span class="soft second">{row.remedy}</span>}
                    </td>
                </tr>
            ))}
        </Table>
    );
}

function hasGrant({ outcome }: ImportResult): boolean {
    return outcome === "created" || outcome === "renewed" || outcome === "unchanged";
}

function chosenOutcome(): Outcome | "" {
    const asked = here.value.query.get("outcome") ?? "";
    return asked in OUTCOMES ? (asked as Outcome) : "";
}
