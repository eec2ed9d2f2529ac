/** What a fresh installation still lacks, in the order in which it is needed. */

import type { ComponentChildren } from "preact";
import { get } from "../core/api";
import { useLoad } from "../core/load";
import { href } from "../core/route";
import type { Connector } from "../core/wire";
import { count, providerName } from "../core/words";
import { Icon } from "../parts/icon";
import { CopyLine } from "../parts/secret";

export function FirstSteps({ webhooks }: { webhooks: number }) {
    const connectors = useLoad((signal) => get<Connector[]>("/v3/connectors", { limit: 200 }, signal), []).data;
    const have = connectors?.map(({ provider }) => provider) ?? [];
    return (
        <section class="card first-steps" aria-labelledby="first-steps">
            <h2 id="first-steps">Three steps to your first grant</h2>
            <ol>
                <Step done={have.length > 0} title="Make a connector">
                    {have.length ? (
                        <p class="soft">
                            You have {count(have.length, "connector")}: {have.map(providerName).join(", ")}.
                        </p>
                    ) : (
                        <p>
                            It holds your OAuth client for a provider; mail servers and virtual calendars need none.{" "}
                            <a href={href(["connectors"])}>Choose a provider</a>
                        </p>
                    )}
                </Step>
                <Step done={false} title="Connect a mailbox">
                    <p>
                        With credentials that you hold, as below, with the <a href="/reference">API reference</a>’s
                        editor, or by hosted sign-in.
                    </p>
                    <CopyLine text={curl(have)} what="the command" />
                </Step>
                <Step done={webhooks > 0} title="Hear what happens">
                    <p>
                        A <a href={href(["webhooks"])}>webhook</a> tells your application when a grant needs its owner
                        again.
                    </p>
                </Step>
            </ol>
        </section>
    );
}

/** A call that works with a connector that is there; a virtual calendar needs no account anywhere. */
function curl(have: string[]): string {
    const settings: Record<string, object> = {
        google: { refresh_token: "…" },
        microsoft: { refresh_token: "…" },
        imap: { imap_username: "you@example.com", imap_password: "…" },
    };
    const provider = have.find((name) => name in settings) ?? "virtual-calendar";
    const body = JSON.stringify({ provider, settings: settings[provider] ?? { email: "room-7" } });
    return `curl ${location.origin}/v3/connect/custom -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" -d '${body}'`;
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
