/** The five records of a domain, and whether each was found. */

import { Badge } from "../../shared/parts";
import type { Attempt, Domain } from "../core/wire";
import { Icon } from "../parts/icon";

export type RecordKind = Attempt["type"];
export const RECORDS: readonly RecordKind[] = ["ownership", "mx", "spf", "dkim", "feedback"];

const NAMES: Record<RecordKind, string> = {
    ownership: "Ownership",
    mx: "MX",
    spf: "SPF",
    dkim: "DKIM",
    feedback: "Feedback",
};

export function recordName(kind: RecordKind): string {
    return NAMES[kind];
}

export function Records({ domain }: { domain: Domain }) {
    return (
        <ul class="inline-list">
            {RECORDS.map((kind) => {
                const found = domain[`verified_${kind}`];
                return (
                    <li key={kind}>
                        <Badge tone={found ? "good" : "neutral"}>
                            <Icon name={found ? "ok" : "clock"} />
                            {NAMES[kind]}
                            <span class="visually-hidden">{found ? " found" : " not found yet"}</span>
                        </Badge>
                    </li>
                );
            })}
        </ul>
    );
}
