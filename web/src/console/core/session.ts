/** The session, as the API describes it. Its cookie cannot be read by scripts. */

import { signal } from "@preact/signals";
import { get, onSignedOut, Problem, post, remove } from "./api";
import { decode, here, LINK, move } from "./route";
import type { ConsoleSession } from "./wire";

/** undefined: not known yet. null: not signed in. */
export const session = signal<ConsoleSession | null | undefined>(undefined);
/** A message about a link or an ended session, on the sign-in page or above the current page. */
export const reason = signal<{ text: string; problem?: Problem; hasEnded?: true } | undefined>(undefined);

onSignedOut(() => {
    if (session.value) {
        reason.value = {
            text: "Your session has ended. Sign in again: you come back to the page you were on.",
            hasEnded: true,
        };
        session.value = null;
    }
});

/** The one-time code of an address like /console#link=…; removes it from the address and the history. */
export function takeLink(): string | undefined {
    if (!location.hash.startsWith(LINK)) {
        return undefined;
    }
    const code = decode(location.hash.slice(LINK.length));
    move(here.value.parts, Object.fromEntries(here.value.query));
    return code || undefined;
}

export async function begin(): Promise<void> {
    const link = takeLink();
    if (link) {
        await redeem(link);
        return;
    }
    await find();
}

async function find(): Promise<void> {
    try {
        session.value = await get<ConsoleSession>("/v3/console/sessions/current");
    } catch (problem) {
        if (problem instanceof Problem && problem.status !== 401) {
            reason.value = { text: "The console could not load your session.", problem };
        }
        session.value = null;
    }
}

export async function redeem(link: string): Promise<void> {
    try {
        await signIn({ link });
    } catch (problem) {
        if (!(problem instanceof Problem)) {
            throw problem;
        }
        await find(); // this browser may have the session that the link opened before
        reason.value = { text: "This link did not open a session. Each works once, for five minutes.", problem };
    }
}

export async function signIn(proof: { api_key: string } | { link: string }): Promise<void> {
    const made = await post<ConsoleSession>("/v3/console/sessions", proof);
    if ("link" in proof) {
        move([]); // the link may be for another application
    }
    reason.value = undefined;
    session.value = made;
}

export async function signOut(): Promise<void> {
    try {
        await remove("/v3/console/sessions/current");
    } catch (problem) {
        // A session that has already ended is fine; after any other error it may still exist.
        if (!(problem instanceof Problem && problem.status === 401)) {
            throw problem;
        }
    }
    reason.value = { text: "You are signed out." };
    session.value = null;
}
