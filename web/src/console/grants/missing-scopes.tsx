/** Requested scopes that a grant lacks, and the remedy. Empty if none is missing. */

import { Notice } from "../../shared/parts";
import type { Grant } from "../core/wire";
import { providerName } from "../core/words";

export function MissingScopes({ grant }: { grant: Grant }) {
    const missing = grant.opengrant.missing_scopes ?? [];
    if (!missing.length) {
        return null;
    }
    return (
        <div class="banner">
            <Notice tone="warn">
                <h2 class="notice-title">
                    {missing.length === 1 ? "One scope was not granted" : `${missing.length} scopes were not granted`}
                </h2>
                <ul class="scopes">
                    {missing.map((scope) => (
                        <li key={scope}>
                            <code class="break">{scope}</code>
                        </li>
                    ))}
                </ul>
                <p>
                    Your application asked for {missing.length === 1 ? "it" : "them"}, and{" "}
                    {providerName(grant.provider)} refuses calls that need {missing.length === 1 ? "it" : "them"}. Send
                    the mailbox owner a reconnect link and have every box of the consent page ticked, or ask for fewer
                    scopes.
                </p>
            </Notice>
        </div>
    );
}
