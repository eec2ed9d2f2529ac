/** One grant: state, cause, who has to act, history and actions. Never its token. */

import { useState } from "preact/hooks";
import { Badge, Copy } from "../../shared/parts";
import { Calendars } from "../calendar/calendars";
import { get, path, post, remove } from "../core/api";
import { useAction, useLoad } from "../core/load";
import { go, href } from "../core/route";
import type { Grant } from "../core/wire";
import { count, grantState, plain, providerName } from "../core/words";
import { Confirm } from "../parts/confirm";
import { Facts } from "../parts/facts";
import { Failure } from "../parts/failure";
import { Shown } from "../parts/loading";
import { Page, Section } from "../parts/page";
import { Due, Time } from "../parts/time";
import { Banner } from "./banner";
import { Invalidate } from "./invalidate";
import { MissingScopes } from "./missing-scopes";
import { Reconnect } from "./reconnect";
import { Timeline } from "./timeline";

const WITHOUT_MAIL = new Set<Grant["provider"]>(["virtual-calendar", "zoom"]);

type Asking = "invalidate" | "delete" | "reconnect";

export function GrantPage({ id }: { id: string }) {
    const [asking, setAsking] = useState<Asking>();
    const [checked, setChecked] = useState<Grant>();
    const [turn, setTurn] = useState(0);
    const loaded = useLoad((signal) => get<Grant>(path`/v3/grants/${id}`, {}, signal), [id]);
    const changed = (grant: Grant) => {
        loaded.put(() => grant);
        setTurn((count) => count + 1);
    };
    const check = useAction(async () => {
        setChecked(undefined);
        const grant = await post<Grant>(path`/v3/grants/${id}/check`);
        changed(grant);
        setChecked(grant);
    });
    const grant = loaded.data;
    return (
        <Page
            title={grant?.email ?? "Grant"}
            back={{ href: href(["grants"]), label: "Grants" }}
            lead={
                grant && (
                    <>
                        <Badge tone={grantState(grant).tone}>{grantState(grant).word}</Badge>{" "}
                        {providerName(grant.provider)}
                    </>
                )
            }
            actions={
                grant && (
                    <>
                        <button
                            type="button"
                            class="button primary"
                            disabled={check.busy}
                            onClick={() => void check.run()}
                        >
                            {check.busy ? "Asking the provider…" : "Check now"}
                        </button>
                        {!WITHOUT_MAIL.has(grant.provider) && (
                            <a class="button" href={href(["grants", id, "mail"])}>
                                Mailbox
                            </a>
                        )}
                        <button type="button" class="button" onClick={() => setAsking("reconnect")}>
                            Reconnect
                        </button>
                        <button
                            type="button"
                            class="button danger"
                            disabled={grant.grant_status === "invalid"}
                            onClick={() => setAsking("invalidate")}
                        >
                            Invalidate
                        </button>
                        <button type="button" class="button danger" onClick={() => setAsking("delete")}>
                            Delete
                        </button>
                    </>
                )
            }
        >
            <Failure problem={check.problem} />
            <Shown of={loaded} what="the grant">
                {(grant) => (
                    <>
                        <Banner
                            grant={grant}
                            asked={check.problem ? "in vain" : checked === grant ? "just now" : undefined}
                        />
                        <MissingScopes grant={grant} />
                        <Calendars grant={grant} />
                        <div class="split">
                            <Section title="Timeline">
                                <Timeline id={id} turn={turn} />
                            </Section>
                            <Section title="Facts">
                                <GrantFacts grant={grant} />
                            </Section>
                        </div>
                        {asking === "invalidate" && (
                            <Invalidate grant={grant} onDone={changed} onClose={() => setAsking(undefined)} />
                        )}
                        {asking === "reconnect" && (
                            <Reconnect
                                grant={grant}
                                onDone={() => {
                                    loaded.reload();
                                    setTurn((count) => count + 1);
                                }}
                                onClose={() => setAsking(undefined)}
                            />
                        )}
                        {asking === "delete" && (
                            <Confirm
                                title="Delete this grant?"
                                submit="Delete the grant"
                                under="Deleting"
                                typed={grant.email}
                                act={async () => {
                                    await remove(path`/v3/grants/${id}`);
                                    go(["grants"]);
                                }}
                                onClose={() => setAsking(undefined)}
                            >
                                <p>
                                    Its secrets are destroyed at once and its id never comes back. If the mailbox
                                    connects again, it becomes a new grant.
                                </p>
                            </Confirm>
                        )}
                    </>
                )}
            </Shown>
        </Page>
    );
}

function GrantFacts({ grant }: { grant: Grant }) {
    const { proven_at, next_check_at, refreshes } = grant.opengrant;
    return (
        <div class="card padded">
            <Facts
                of={[
                    ["ID", <CopyId key="id" id={grant.id} />],
                    ["Name", grant.name],
                    ["Last verified", proven_at && <Time at={proven_at} />],
                    ["Next check", next_check_at && <Due at={next_check_at} />],
                    ["Refreshed since", refreshes ? count(refreshes, "time") : undefined],
                    ["Connected", <Time key="created" at={grant.created_at} />],
                    ["Authenticated", <Time key="updated" at={grant.updated_at} />],
                    ["Your state", grant.state],
                    ["Account at the provider", grant.provider_user_id && <code>{grant.provider_user_id}</code>],
                    ["Credential", grant.credential_id && <code>{grant.credential_id}</code>],
                    ["Workspace", grant.workspace_id && <code>{grant.workspace_id}</code>],
                    ["Connected from", grant.ip && <code>{grant.ip}</code>],
                    ["Browser", grant.user_agent],
                    ...Object.entries(grant.settings).map(([name, value]): [string, string] => [
                        plain(name),
                        typeof value === "object" ? JSON.stringify(value) : String(value),
                    ]),
                ]}
            />
            {grant.scope.length > 0 && (
                <details class="fold">
                    <summary>Scopes ({grant.scope.length})</summary>
                    <ul class="scopes">
                        {grant.scope.map((scope) => (
                            <li key={scope}>
                                <code>{scope}</code>
                            </li>
                        ))}
                    </ul>
                </details>
            )}
            <p class="small">
                <a href={href(["audit"], { grant_id: grant.id })}>In the audit trail</a>
            </p>
        </div>
    );
}

function CopyId({ id }: { id: string }) {
    return (
        <span class="copy-id">
            <code>{id}</code> <Copy text={id} what="the grant’s id" />
        </span>
    );
}
