/** The state of a grant in one sentence; for a problem also its cause, the provider's words and who has to act. */

import { Notice, type Tone } from "../../shared/parts";
import { href } from "../core/route";
import type { Grant, GrantTrouble } from "../core/wire";
import { classOf, providerName } from "../core/words";
import { Due, Time } from "../parts/time";

/** asked: the result of a check that was just made. */
export function Banner({ grant, asked }: { grant: Grant; asked: "just now" | "in vain" | undefined }) {
    const { trouble, degraded, proven_at, refresh_token_expires_at: ends } = grant.opengrant;
    const [tone, title] = verdict(grant, asked === "in vain");
    return (
        <div class="banner">
            <Notice tone={tone}>
                {asked === "just now" && (
                    <p class="soft small">
                        {trouble?.failures === 0
                            ? "Not checked just now: the next check is not due yet."
                            : "Checked just now."}
                    </p>
                )}
                <h2 class="notice-title">{title}</h2>
                {trouble ? (
                    <Why trouble={trouble} provider={providerName(grant.provider)} />
                ) : (
                    <p>
                        {grant.grant_status === "invalid" ? (
                            "The reason is not known. Ask the mailbox owner to reconnect."
                        ) : proven_at === undefined ? (
                            "This provider has nothing to verify."
                        ) : (
                            <>
                                The provider last accepted its credential <Time at={proven_at} />.
                            </>
                        )}
                    </p>
                )}
                {degraded && <Source grant={grant} degraded={degraded} />}
                {ends !== undefined && grant.grant_status === "valid" && (
                    <p>
                        Its refresh token ends <Time at={ends} />, and the mailbox owner must sign in again before. If
                        that happens every seven days, the app is in testing: publish it at{" "}
                        {providerName(grant.provider)}.
                    </p>
                )}
            </Notice>
        </div>
    );
}

function verdict(grant: Grant, inVain: boolean): [Tone, string] {
    const { trouble, degraded } = grant.opengrant;
    if (grant.blocked) {
        return ["wrong", "An operator blocked this grant"];
    }
    if (grant.grant_status === "invalid") {
        return ["wrong", "It no longer works: the mailbox owner must reconnect"];
    }
    if (degraded && trouble?.held) {
        return ["warn", `It is held: many grants fail the same way, because of ${degraded.host ?? "its connector"}`];
    }
    if (trouble?.held) {
        return ["warn", "It is held: many grants fail the same way, so the cause is the connector or the provider"];
    }
    if (trouble?.suspected) {
        return ["warn", "It was refused once, and is checked again before it becomes invalid"];
    }
    if (trouble?.needs_attention) {
        return ["warn", "It has failed for days for an unclear reason: investigate it"];
    }
    if (trouble) {
        return ["warn", `It is valid, but: ${classOf(trouble.class).title.toLowerCase()}`];
    }
    return inVain ? ["neutral", "It worked at the last check"] : ["good", "It works"];
}

/** The degraded source of the grant. */
function Source({ grant, degraded }: { grant: Grant; degraded: NonNullable<Grant["opengrant"]["degraded"]> }) {
    return (
        <p>
            <a href={href(["connectors", grant.provider])}>
                {degraded.host ?? `The ${providerName(grant.provider)} connector`}
            </a>{" "}
            became degraded <Time at={degraded.since} />.{" "}
            {degraded.probe_at && (
                <>
                    Next attempt: <Due at={degraded.probe_at} />.{" "}
                </>
            )}
            Its grants stay valid until it works again.
        </p>
    );
}

function Why({ trouble, provider }: { trouble: GrantTrouble; provider: string }) {
    return (
        <>
            <p>
                <strong>{classOf(trouble.class).turn}.</strong> {trouble.remedy}
            </p>
            {trouble.provider_text && (
                <blockquote>
                    {trouble.provider_text}
                    <footer class="soft small">
                        {provider}, <code>{trouble.provider_code}</code>
                    </footer>
                </blockquote>
            )}
            <p class="soft small">
                <code>{trouble.reason}</code>
                {!trouble.provider_text && trouble.provider_code && (
                    <>
                        {" "}
                        · {provider} said <code>{trouble.provider_code}</code>
                    </>
                )}
                {trouble.failures > 0 && (
                    <>
                        {" "}
                        · since <Time at={trouble.first_seen} />
                    </>
                )}
                {trouble.failures > 1 && (
                    <>
                        , {trouble.failures.toLocaleString("en")} failures in a row, the last{" "}
                        <Time at={trouble.last_seen} />
                    </>
                )}
            </p>
        </>
    );
}
