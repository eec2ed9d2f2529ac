/** Connectors that fail for many grants in the same way: since when, why, and what to do. */

import { href } from "../core/route";
import type { DegradedSource } from "../core/wire";
import { classOf, count, providerName } from "../core/words";
import { Due, Time } from "../parts/time";

export function DegradedList({ degraded, linked = true }: { degraded: DegradedSource[]; linked?: boolean }) {
    return (
        <ul class="plain-list">
            {degraded.map((one) => (
                <li key={`${one.provider} ${one.connector_id} ${one.credential_id} ${one.host}`} class="notice wrong">
                    <p class="row-head">
                        <strong>
                            {linked ? (
                                <a href={href(["connectors", one.provider])}>{providerName(one.provider)}</a>
                            ) : (
                                "Degraded"
                            )}
                            {one.host && ` at ${one.host}`}
                        </strong>
                        <span class="soft">
                            {classOf(one.class).title}, since <Time at={one.since} />
                        </span>
                    </p>
                    <p>{one.remedy}</p>
                    <p class="soft small">
                        {count(one.grants, "grant depends", "grants depend")} on it · <code>{one.reason}</code>
                        {one.provider_code && one.provider_code !== one.reason && (
                            <>
                                , the provider said <code>{one.provider_code}</code>
                            </>
                        )}
                        {one.probe_at && (
                            <>
                                {" "}
                                · next attempt <Due at={one.probe_at} />
                            </>
                        )}
                    </p>
                </li>
            ))}
        </ul>
    );
}
