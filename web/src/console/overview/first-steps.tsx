/** The steps that a new installation still needs, in order. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { get, post } from "../core/api";
import { useAction, useLoad } from "../core/load";
import { href } from "../core/route";
import type { Connector } from "../core/wire";
import { count, providerName } from "../core/words";
import { ConnectMailbox, WITH_SIGN_IN } from "../grants/connect";
import { Failure } from "../parts/failure";
import { Icon } from "../parts/icon";
import { CopyLine } from "../parts/secret";

export function FirstSteps({ webhooks }: { webhooks: number }) {
    const connectors = useLoad((signal) => get<Connector[]>("/v3/connectors", { limit: 200 }, signal), []);
    const have = connectors.data?.map(({ provider }) => provider) ?? [];
    const calendar = useAction(async () => {
        await post("/v3/connectors", { provider: "virtual-calendar" });
        connectors.reload();
    });
    const command = curl(have);
    const [connecting, setConnecting] = useState(false);
    return (
        <section class="card first-steps" aria-labelledby="first-steps">
            <h2 id="first-steps">Three steps to your first grant</h2>
            <Failure problem={connectors.problem} again={connectors.reload} />
            <ol>
                <Step done={have.length > 0} title="Create a connector">
                    {have.length ? (
                        <p class="soft">
                            You have {count(have.length, "connector")}: {have.map(providerName).join(", ")}.
                        </p>
                    ) : (
                        <>
                            <p>
                                Every provider needs one. It holds your OAuth client there; those of mail servers and
                                virtual calendars hold nothing. <a href={href(["connectors"])}>Choose a provider</a>, or
                                begin with one that needs no account anywhere:
                            </p>
                            <p>
                                <button
                                    type="button"
                                    class="button"
                                    disabled={calendar.busy}
                                    onClick={() => void calendar.run()}
                                >
                                    {calendar.busy ? "Creating…" : "Create a virtual calendar connector"}
                                </button>
                            </p>
                            <Failure problem={calendar.problem} />
                        </>
                    )}
                </Step>
                <Step done={false} title="Connect a mailbox">
                    <p>
                        Its owner signs in here, or your application connects it with credentials that you hold: in the{" "}
                        <a href="/reference">API reference</a>’s editor{command && " or as below"}.
                        {!have.length && " It needs a connector first."}
                    </p>
                    {have.some((name) => WITH_SIGN_IN.includes(name)) && (
                        <p>
                            <button type="button" class="button primary" onClick={() => setConnecting(true)}>
                                Connect a mailbox
                            </button>
                        </p>
                    )}
                    {command && <CopyLine text={command} what="the command" />}
                </Step>
                <Step done={webhooks > 0} title="Receive events">
                    <p>
                        A <a href={href(["webhooks"])}>webhook</a> tells your application when a grant needs its owner
                        again.
                    </p>
                </Step>
            </ol>
            {connecting && <ConnectMailbox onClose={() => setConnecting(false)} />}
        </section>
    );
}

/** A call that works with an existing connector. */
function curl(have: string[]): string | undefined {
    const settings: Record<string, object> = {
        google: { refresh_token: "…" },
        microsoft: { refresh_token: "…" },
        yahoo: { refresh_token: "…" },
        zoom: { refresh_token: "…" },
        imap: { imap_username: "you@example.com", imap_password: "…" },
        icloud: { username: "you@icloud.com", password: "…" },
        "virtual-calendar": { email: "room-7" },
    };
    const provider = have.find((name) => name in settings);
    if (provider === undefined) {
        return undefined;
    }
    const body = JSON.stringify({ provider, settings: settings[provider] });
    return `curl ${location.origin}/v3/connect/custom -H "Authorization: Bearer $OPENGRANT_API_KEY" -H "Content-Type: application/json" -d '${body}'`;
}

function Step({ done, title, children }: { done: boolean; title: string; children: ComponentChildren }) {
    return (
        <li class={done ? "done" : undefined}>
            <span class="step-mark">{done && <Icon name="ok" />}</span>
            <div>
                <h3>
                    {title}
                    {done && <span class="visually-hidden"> (done)</span>}
                </h3>
                {children}
            </div>
        </li>
    );
}
