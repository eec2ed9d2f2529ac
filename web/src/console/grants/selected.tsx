/** What can be done with the selected grants: links for their owners, as text or CSV. */

import { useState } from "preact/hooks";
import { Copy, Dialog } from "../../shared/parts";
import { post } from "../core/api";
import { useLoad } from "../core/load";
import type { Grant, OwnerLinks } from "../core/wire";
import { count } from "../core/words";
import { Choice } from "../parts/field";
import { Shown } from "../parts/loading";
import { lifetime } from "./connect";
import { save } from "./download";
import type { Selection } from "./table";

export function Selected({ selection, grants }: { selection: Selection; grants: Grant[] }) {
    const [linking, setLinking] = useState<string[]>();
    const chosen = grants.filter(({ id }) => selection.value.has(id));
    return (
        <>
            {chosen.length > 0 && (
                <section class="card selected" aria-label="Selected grants">
                    <strong>{count(chosen.length, "grant")} selected</strong>
                    <button type="button" class="button primary" onClick={() => setLinking(chosen.map(({ id }) => id))}>
                        Copy reconnect links
                    </button>
                    <button
                        type="button"
                        class="button plain"
                        onClick={() => {
                            selection.value = new Set();
                        }}
                    >
                        Clear
                    </button>
                </section>
            )}
            {linking && <Links ids={linking} emails={emailsOf(grants)} onClose={() => setLinking(undefined)} />}
        </>
    );
}

function emailsOf(grants: Grant[]): Map<string, string> {
    return new Map(grants.map(({ id, email }) => [id, email]));
}

function Links({ ids, emails, onClose }: { ids: string[]; emails: Map<string, string>; onClose: () => void }) {
    const made = useLoad(() => post<OwnerLinks>("/v3/console/owner-links", { grant_ids: ids }), [ids]);
    const [format, setFormat] = useState<"text" | "csv">("text");
    return (
        <Dialog title="Reconnect links" class="wide" onClose={onClose}>
            <div class="form">
                <Shown of={made} what="links">
                    {(found) => {
                        const text = format === "text" ? asText(found) : asCsv(found);
                        return (
                            <>
                                {found.links.length > 0 && (
                                    <>
                                        <p>
                                            {count(found.links.length, "link")}, each for one mailbox alone. Send each
                                            to the owner of its mailbox. They work for {lifetime(found)}.
                                        </p>
                                        <Choice
                                            label="Format"
                                            value={format}
                                            onValue={(next) => setFormat(next as "text" | "csv")}
                                            options={[
                                                ["text", "Text: an address and its link"],
                                                ["csv", "CSV: address, link"],
                                            ]}
                                        />
                                        <textarea
                                            class="input mono links"
                                            aria-label="Links"
                                            rows={8}
                                            readOnly
                                            value={text}
                                        />
                                    </>
                                )}
                                {found.left_out.length > 0 && (
                                    <details class="fold" open={found.links.length === 0}>
                                        <summary>{count(found.left_out.length, "grant")} without a link</summary>
                                        <ul class="plain-list">
                                            {found.left_out.map(({ grant_id, reason }) => (
                                                <li key={grant_id}>
                                                    <strong>{emails.get(grant_id) ?? grant_id}</strong>: {reason}
                                                </li>
                                            ))}
                                        </ul>
                                    </details>
                                )}
                                <div class="form-end">
                                    <button type="button" class="button" onClick={onClose}>
                                        Close
                                    </button>
                                    {found.links.length > 0 && (
                                        <>
                                            <button
                                                type="button"
                                                class="button"
                                                onClick={() =>
                                                    save(
                                                        new Blob([text], { type: "text/plain" }),
                                                        format === "csv"
                                                            ? "reconnect-links.csv"
                                                            : "reconnect-links.txt",
                                                    )
                                                }
                                            >
                                                Download
                                            </button>
                                            <Copy text={text} label="Copy all" />
                                        </>
                                    )}
                                </div>
                            </>
                        );
                    }}
                </Shown>
            </div>
        </Dialog>
    );
}

function asText({ links }: OwnerLinks): string {
    return links.map(({ email, url }) => `${email}\n${url}`).join("\n\n");
}

function asCsv({ links }: OwnerLinks): string {
    const rows = links.map(({ email = "", url }) => `${cell(email)},${cell(url)}\r\n`);
    return `address,link\r\n${rows.join("")}`;
}

/** Quoted. A spreadsheet would take some beginnings for a formula, and run it. */
function cell(text: string): string {
    const harmless = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
    return `"${harmless.replaceAll('"', '""')}"`;
}
