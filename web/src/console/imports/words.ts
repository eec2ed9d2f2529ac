/** Words for imports and the outcomes of their rows. */

import type { ImportCounts, ImportJob } from "../core/wire";
import type { State } from "../core/words";

export type Outcome = keyof ImportCounts;

interface OutcomeWords {
    label: string;
    means: string;
    tone: "good" | "warn" | "wrong" | "neutral";
}

/** In the order of the bar. */
export const OUTCOMES: Record<Outcome, OutcomeWords> = {
    created: { label: "Created", means: "A grant was created", tone: "good" },
    renewed: { label: "Renewed", means: "The mailbox had a grant, which has the new credential now", tone: "good" },
    unchanged: { label: "Unchanged", means: "The grant was there already", tone: "good" },
    sign_in: { label: "Must sign in", means: "The mailbox owner has to sign in again", tone: "warn" },
    refused: { label: "Refused", means: "The row is wrong, or contradicts what is stored", tone: "wrong" },
    failed: {
        label: "Failed",
        means: "The provider or the connector did not work; import these rows again",
        tone: "wrong",
    },
    waiting: { label: "Waiting", means: "Still to be verified", tone: "neutral" },
    staged: { label: "Until cut-over", means: "Not used before the cut-over", tone: "neutral" },
    cancelled: { label: "Cancelled", means: "Not verified: the import was cancelled", tone: "neutral" },
};
export const NAMES = Object.keys(OUTCOMES) as Outcome[];

export function importState({ status }: Pick<ImportJob, "status">, staged = 0, waiting = 1): State {
    switch (status) {
        case "loading":
            return { word: "Reading the input", tone: "accent" };
        case "running":
            return staged && !waiting
                ? { word: "Waits for the cut-over", tone: "warn" }
                : { word: "Running", tone: "accent" };
        case "paused":
            return { word: "Paused", tone: "warn" };
        case "cancelled":
            return { word: "Cancelled", tone: "neutral" };
        default:
            return { word: "Finished", tone: "good" };
    }
}
