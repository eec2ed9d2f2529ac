/** One domain: the records to publish, and what DNS says about each. */

import { useState } from "preact/hooks";
import { Badge, Copy, Notice, type Tone } from "../../shared/parts";
import { get, path, post, remove } from "../core/api";
import { useAction, useLoad } from "../core/load";
import { go, href } from "../core/route";
import { session } from "../core/session";
import type { Domain, Verification } from "../core/wire";
import { Confirm } from "../parts/confirm";
import { Failure } from "../parts/failure";
import { Shown } from "../parts/loading";
import { OperatorOnly } from "../parts/operator-only";
import { Page, Section } from "../parts/page";
import { Time } from "../parts/time";
import { RECORDS, type RecordKind, recordName } from "./records";

const WHY: Record<RecordKind, string> = {
    ownership: "The domain is yours. Any Agent Account needs it.",
    mx: "Its mail comes here. Needed to receive.",
    spf: "We may send for it. Needed to send.",
    dkim: "The key that signs its mail. Needed to send.",
    feedback: "Bounces come back here. Needed to send.",
};
/** To the second, so that a repeated check with the same result is visible. */
const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const STATES: Record<Verification["status"], [Tone, string]> = {
    done: ["good", "Found"],
    pending: ["neutral", "Not found yet"],
    failed: ["wrong", "Wrong"],
};

export function DomainPage({ id }: { id: string }) {
    if (!session.value?.operator) {
        return (
            <Page title="Domain" back={{ href: href(["domains"]), label: "Domains" }}>
                <OperatorOnly what="domains" />
            </Page>
        );
    }
    return <Open id={id} />;
}

function Open({ id }: { id: string }) {
    const [deleting, setDeleting] = useState(false);
    const [looked, setLooked] = useState<Partial<Record<RecordKind, number>>>({});
    const domain = useLoad((signal) => get<Domain>(path`/v3/admin/domains/${id}`, {}, signal), [id]);
    const records = useLoad(
        () => Promise.all(RECORDS.map((type) => post<Verification>(path`/v3/admin/domains/${id}/info`, { type }))),
        [id],
    );
    const look = useAction(async (...kinds: RecordKind[]) => {
        // One after the other; each answer is shown when it arrives.
        for (const type of kinds) {
            const found = await post<Verification>(path`/v3/admin/domains/${id}/verify`, { type });
            records.put((shown) => shown.map((one) => (one.attempt.type === type ? found : one)));
            setLooked((old) => ({ ...old, [type]: Date.now() }));
        }
    });
    const address = domain.data?.domain_address;
    return (
        <Page
            title={address ?? "Domain"}
            back={{ href: href(["domains"]), label: "Domains" }}
            lead={domain.data && domain.data.name !== address && domain.data.name}
            actions={
                domain.data && (
                    <>
                        <button
                            type="button"
                            class="button primary"
                            disabled={look.busy || !records.data}
                            onClick={() => void look.run(...RECORDS)}
                        >
                            {look.busy ? "Asking DNS…" : "Check all now"}
                        </button>
                        <button type="button" class="button danger" onClick={() => setDeleting(true)}>
                            Delete
                        </button>
                    </>
                )
            }
        >
            <Failure problem={domain.problem} again={domain.reload} />
            {domain.data && (
                <Section
                    title="DNS records"
                    note="Publish each at your DNS provider. A change can take hours to be seen everywhere."
                >
                    <Failure problem={look.problem} />
                    <Shown of={records} what="records">
                        {(found) => (
                            <>
                                {found.every(({ status }) => status === "done") && (
                                    <Notice tone="good">
                                        <p>All five are there: the domain is ready to receive and to send.</p>
                                    </Notice>
                                )}
                                <ul class="records">
                                    {found.map((record) => (
                                        <RecordCard
                                            key={record.attempt.type}
                                            record={record}
                                            domain={domain.data?.domain_address ?? ""}
                                            looked={looked[record.attempt.type]}
                                            busy={look.busy}
                                            onLook={() => void look.run(record.attempt.type)}
                                        />
                                    ))}
                                </ul>
                                <p class="soft">
                                    Recommended, but not required: a DMARC record, as TXT at <code>_dmarc</code>, unless
                                    the domain has one: <code>v=DMARC1; p=none</code>
                                </p>
                            </>
                        )}
                    </Shown>
                </Section>
            )}
            {deleting && address && (
                <Confirm
                    title="Delete this domain?"
                    submit="Delete the domain"
                    under="Deleting"
                    typed={address}
                    act={async () => {
                        await remove(path`/v3/admin/domains/${id}`);
                        go(["domains"]);
                    }}
                    onClose={() => setDeleting(false)}
                >
                    <p>
                        Its DKIM key is destroyed for good. It is refused while Agent Accounts live on it. Take the
                        records out of your DNS afterwards.
                    </p>
                </Confirm>
            )}
        </Page>
    );
}

function RecordCard({
    record,
    domain,
    looked,
    busy,
    onLook,
}: {
    record: Verification;
    domain: string;
    /** The time of the last DNS check in this page, in milliseconds. */
    looked: number | undefined;
    busy: boolean;
    onLook: () => void;
}) {
    const { type: kind, options } = record.attempt;
    const [tone, word] = STATES[record.status];
    const name = recordName(kind);
    const host = options.host === "@" ? domain : `${options.host}.${domain}`;
    return (
        <li class="card record">
            <header class="row-head">
                <h3>
                    {name} <Badge tone={tone}>{word}</Badge>
                </h3>
                <button type="button" class="button" disabled={busy} aria-label={`Check now: ${name}`} onClick={onLook}>
                    Check now
                </button>
            </header>
            <p class="soft">{WHY[kind]}</p>
            <dl class="dns">
                <div>
                    <dt>Type</dt>
                    <dd>
                        <code>{options.type}</code>
                    </dd>
                </div>
                <div>
                    <dt>Host</dt>
                    <dd>
                        <code title={host}>{options.host}</code>
                        <Copy text={options.host} what={`host of ${name}`} />
                    </dd>
                </div>
                <div class="dns-value">
                    <dt>Value</dt>
                    <dd>
                        <code>{options.value}</code>
                        <Copy text={options.value} what={`value of ${name}`} />
                    </dd>
                </div>
            </dl>
            <p class={record.status === "failed" ? "wrong-text" : "soft"} role="status">
                {record.message}
                {record.status !== "done" && (
                    <>
                        {" "}
                        This value expires <Time at={record.expires_at} />.
                    </>
                )}
                {looked !== undefined && <> Last checked {CLOCK.format(looked)}.</>}
            </p>
        </li>
    );
}
