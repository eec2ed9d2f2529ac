/**
 * A hosted sign-in in a window of its own: opens it, and hears of its end.
 *
 * The console's window and the one of the sign-in belong to different groups of windows (Cross-Origin-Opener-Policy), so
 * neither can reach into the other. They speak on a channel that only pages of our origin have.
 */

import { post } from "../core/api";
import type { MailboxSignInBegun } from "../core/wire";

export interface Wanted {
    provider?: string;
    login_hint?: string;
    grant_id?: string;
}

/** How a sign-in ended. `state` names it. */
export interface Ended {
    state: string;
    grant_id?: string;
    error?: string;
    error_description?: string;
}

interface Taken {
    taken: string;
}

const CHANNEL = "opengrant-mailbox-sign-in";
const SAME_TAB = "opengrant-sign-in-here";
const LOOKS = "popup,width=520,height=760";
/** Milliseconds that the console has to answer. */
const PATIENCE = 1000;

/** Opens the sign-in; returns its state. Must be called while a click is handled, or the browser blocks the window. */
export async function openSignIn(wanted: Wanted): Promise<string> {
    const opened = window.open("about:blank", "_blank", LOOKS);
    try {
        const { url, state } = await post<MailboxSignInBegun>("/v3/console/mailbox-sign-ins", wanted);
        if (opened) {
            opened.location.replace(url);
        } else {
            sessionStorage.setItem(SAME_TAB, state); // the window was blocked
            location.assign(url);
        }
        return state;
    } catch (problem) {
        opened?.close();
        throw problem;
    }
}

/** Calls `then` when the sign-in of this state ends. Returns a function that stops listening. */
export function awaitEnd(state: string, then: (ended: Ended) => void): () => void {
    const channel = new BroadcastChannel(CHANNEL);
    channel.onmessage = ({ data }: MessageEvent<Ended | Taken>) => {
        if ("state" in data && data.state === state) {
            channel.postMessage({ taken: state } satisfies Taken);
            channel.close();
            then(data);
        }
    };
    return () => channel.close();
}

/**
 * In the window of the sign-in: reports its end. Calls `then` with whether a page of the console took it; a page that is
 * busy may take it after all. Returns a function that stops listening.
 */
export function reportEnd(ended: Ended, then: (taken: boolean) => void): () => void {
    const channel = new BroadcastChannel(CHANNEL);
    const timer = setTimeout(() => then(false), PATIENCE);
    const stop = () => {
        clearTimeout(timer);
        channel.close();
    };
    channel.onmessage = ({ data }: MessageEvent<Ended | Taken>) => {
        if ("taken" in data && data.taken === ended.state) {
            stop();
            then(true);
        }
    };
    channel.postMessage(ended);
    return stop;
}

/** Whether this tab itself left for the sign-in of this state. True once. */
export function wasSameTab(state: string): boolean {
    const same = sessionStorage.getItem(SAME_TAB) === state;
    if (same) {
        sessionStorage.removeItem(SAME_TAB);
    }
    return same;
}

/** A failed sign-in in a sentence. */
export function failureOf({ error, error_description: description }: Ended): string {
    return error === "access_denied" && !description?.includes("account")
        ? "The sign-in was cancelled. No mailbox was connected."
        : `No mailbox was connected. ${description ?? ""}`.trim();
}
