/** Who is signed in. The session itself is a cookie that no script can read; this is what the API says about it. */

import { signal } from "@preact/signals";
import { get, onSignedOut, Problem, post, remove } from "./api";
import { decode, here, LINK, move } from "./route";
import type { ConsoleSession } from "./wire";

/** undefined while it is not known yet, null when nobody is signed in. */
export const session = signal<ConsoleSession | null | undefined>(undefined);
/** What became of a link or a session, if there is something to tell: on the sign-in page, or above the page we are on. */
export const reason = signal<{ text: string; problem?: Problem } | undefined>(undefined);

onSignedOut(() => {
    if (session.value) {
        reason.value = { text: "Your session has ended. Sign in again: you come back to the page you were on." };
        session.value = null;
    }
});

/** The one-time code of an address like /console#link=…, which is taken out of the address and the history at once. */
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
            reason.value = { text: "The console could not find out who you are.", problem };
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
        await find(); // a link that was used before may have opened the session that this browser is in
        reason.value = { text: "This link did not open a session. Each works once, for five minutes.", problem };
    }
}

export async function signIn(proof: { api_key: string } | { link: string }): Promise<void> {
    const made = await post<ConsoleSession>("/v3/console/sessions", proof);
    if ("link" in proof) {
        move([]); // it may be of another application, which has nothing of what was shown
    }
    reason.value = undefined;
    session.value = made;
}

export async function signOut(): Promise<void> {
    try {
        await remove("/v3/console/sessions/current");
    } catch (problem) {
        // One that has ended by itself is what we want; anything else means that it may live on.
        if (!(problem instanceof Problem && problem.status === 401)) {
            throw problem;
        }
    }
    reason.value = { text: "You are signed out." };
    session.value = null;
}
