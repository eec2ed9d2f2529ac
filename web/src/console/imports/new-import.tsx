/** A new import from a file: it is checked first, so that nothing is stored of a file that is wrong. */

import { useId, useRef, useState } from "preact/hooks";
import { Dialog, Notice } from "../../shared/parts";
import { postFile } from "../core/api";
import { useAction } from "../core/load";
import { go, href } from "../core/route";
import { session } from "../core/session";
import type { ImportProgress, ImportReport } from "../core/wire";
import { count, providerName } from "../core/words";
import { Check } from "../parts/field";
import { Form } from "../parts/form";
import { CopyLine } from "../parts/secret";
import { Table } from "../parts/table";

const PERMISSION = "grants.import";
const MOST_BYTES = 16 * 1024 * 1024;

export function NewImport({ onClose }: { onClose: () => void }) {
    const { permissions = [], application_id = "ID" } = session.value ?? {};
    return (
        <Dialog title="Import a file" class="wide" onClose={onClose}>
            {permissions.includes(PERMISSION) ? (
                <Upload onClose={onClose} />
            ) : (
                <div class="form">
                    <p>
                        Importing needs the permission <code>{PERMISSION}</code>. Make an API key that has it, on the
                        page <a href={href(["keys"])}>API keys</a> or with this command, and sign in with that key. Or
                        import with the command line.
                    </p>
                    <CopyLine
                        text={`opengrant keys create ${application_id} ${[...permissions, PERMISSION].map((one) => `--permission ${one}`).join(" ")}`}
                        what="the command"
                    />
                    <div class="form-end">
                        <button type="button" class="button" onClick={onClose}>
                            Close
                        </button>
                    </div>
                </div>
            )}
        </Dialog>
    );
}

function Upload({ onClose }: { onClose: () => void }) {
    const id = useId();
    const [file, setFile] = useState<File>();
    const [cutOver, setCutOver] = useState(false);
    const [hold, setHold] = useState(false);
    const [report, setReport] = useState<ImportReport>();
    /** What the present file and options are checked for: a check of others says nothing of them. */
    const checked = useRef({});
    const query = { cut_over: cutOver, hold_refresh: hold };
    const tooLarge = file !== undefined && file.size > MOST_BYTES;
    const check = useAction(async () => {
        const asked = checked.current;
        if (file) {
            const found = await postFile<ImportReport>("/v3/imports/dry-run", query, file);
            if (asked === checked.current) {
                setReport(found);
            }
        }
    });
    const changed = () => {
        checked.current = {};
        setReport(undefined);
        check.forget();
        start.forget();
    };
    const start = useAction(async () => {
        if (file) {
            const name = file.name.slice(0, 256);
            const made = await postFile<ImportProgress>("/v3/imports", { ...query, name }, file);
            go(["imports", made.id]);
        }
    });
    const importable = report ? report.new + report.known + report.unknown : 0;
    const missing = Object.keys(report?.missing_connectors ?? {});
    return (
        <Form
            action={report ? start : check}
            submit={report ? `Import ${count(importable, "row")}` : "Check the file"}
            under={report ? "Storing" : "Checking"}
            ready={file !== undefined && !tooLarge && (!report || (importable > 0 && !missing.length))}
            onCancel={onClose}
        >
            <div class="field">
                <label for={id}>File</label>
                <input
                    id={id}
                    class="input"
                    type="file"
                    accept=".ndjson,.jsonl,.csv,.gz"
                    required
                    aria-describedby={`${id}-hint`}
                    onChange={(event) => {
                        setFile(event.currentTarget.files?.[0]);
                        changed();
                    }}
                />
                <p class="hint" id={`${id}-hint`}>
                    NDJSON or CSV, with or without gzip, up to 16 MB. Each row is a body of POST /v3/connect/custom.
                    Larger files: <code>opengrant import FILE</code>.
                </p>
                {tooLarge && (
                    <p class="problem" aria-live="polite">
                        This file is larger than 16 MB. Import it with the command line.
                    </p>
                )}
            </div>
            <Check
                label="Wait for a cut-over"
                hint="Refresh tokens of Zoom, Microsoft and Yahoo may end with their use. They are stored and not used before you say so."
                checked={cutOver}
                onChecked={(on) => {
                    setCutOver(on);
                    changed();
                }}
            />
            <Check
                label="Hold refreshes back"
                hint="The new grants are not refreshed before the cut-over."
                checked={hold}
                onChecked={setHold}
            />
            {report && <Findings report={report} missing={missing} />}
        </Form>
    );
}

function Findings({ report, missing }: { report: ImportReport; missing: string[] }) {
    const { refused, refused_lines } = report;
    return (
        <>
            {missing.length > 0 && (
                <Notice tone="wrong">
                    <p>
                        {missing.map(providerName).join(", ")}: there is no connector. Create it first, then check the
                        file again.
                    </p>
                </Notice>
            )}
            <Notice tone={refused ? "warn" : "good"}>
                <p>
                    {count(report.lines, "line")}: {report.new.toLocaleString("en")} new,{" "}
                    {report.known.toLocaleString("en")} with a grant already, {report.unknown.toLocaleString("en")}{" "}
                    whose mailbox only the provider knows, {refused.toLocaleString("en")} refused.
                </p>
                <p class="soft small">
                    The import takes about {duration(report.forecast_seconds)} at the limits of this server.
                </p>
            </Notice>
            {refused > 0 && (
                <>
                    <p class="soft small">
                        {refused > refused_lines.length
                            ? `The first ${refused_lines.length} refused rows:`
                            : "Refused rows:"}
                    </p>
                    <Table class="stack dense" columns={[{ name: "Line", class: "number" }, "Your id", "Reason"]}>
                        {refused_lines.slice(0, 20).map((one) => (
                            <tr key={one.line}>
                                <td data-label="Line" class="number">
                                    {one.line.toLocaleString("en")}
                                </td>
                                <th scope="row">{one.id ?? "–"}</th>
                                <td data-label="Reason">
                                    {one.reason}
                                    {one.remedy && <span class="soft second">{one.remedy}</span>}
                                </td>
                            </tr>
                        ))}
                    </Table>
                </>
            )}
        </>
    );
}

function duration(seconds: number): string {
    if (seconds < 90) {
        return count(Math.max(seconds, 1), "second");
    }
    return seconds < 5400 ? count(Math.round(seconds / 60), "minute") : count(Math.round(seconds / 3600), "hour");
}
