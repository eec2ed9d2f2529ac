/** Texts for the API's words. Unknown words are shown as they are. */

import type { Tone } from "../../shared/parts";
import type { Grant, GrantTrouble, Webhook, WebhookFailing } from "./wire";

const PROVIDERS: Record<string, string> = {
    google: "Google",
    microsoft: "Microsoft",
    yahoo: "Yahoo",
    zoom: "Zoom",
    imap: "IMAP",
    icloud: "iCloud",
    ews: "Exchange",
    "virtual-calendar": "Virtual calendar",
    nylas: "Agent Account",
};
export const PROVIDER_NAMES = Object.keys(PROVIDERS);

export function providerName(provider: string): string {
    return PROVIDERS[provider] ?? provider;
}

interface Class {
    title: string;
    /** Who has to act. */
    turn: string;
    tone: Tone;
}

export type TroubleClass = GrantTrouble["class"];

export const CLASSES: Record<TroubleClass, Class> = {
    reconnect: { title: "The owner must reconnect", turn: "The mailbox owner must act", tone: "wrong" },
    connector: {
        title: "The provider refuses your client",
        turn: "You must act: correct the connector",
        tone: "wrong",
    },
    provider_down: {
        title: "The provider does not answer",
        turn: "No action needed: it is retried automatically",
        tone: "warn",
    },
    rate_limited: {
        title: "The provider asks to slow down",
        turn: "No action needed: it is retried automatically",
        tone: "warn",
    },
    bad_request: { title: "The provider refuses the request", turn: "You must act: correct the request", tone: "warn" },
    unknown: {
        title: "The provider gave an unknown answer",
        turn: "No action needed yet: it is retried automatically",
        tone: "warn",
    },
};

export function classOf(name: string): Class {
    return CLASSES[name as TroubleClass] ?? { title: name, turn: "", tone: "warn" };
}

/** One line about the problem; undefined without one. */
export function troubleLine({ trouble, degraded }: Grant["opengrant"]): string | undefined {
    if (degraded && (!trouble || trouble.held)) {
        return `${degraded.host ?? "Its connector"} is degraded`;
    }
    if (!trouble) {
        return undefined;
    }
    if (trouble.held) {
        return "Many grants fail the same way";
    }
    if (trouble.suspected) {
        return "Refused once, will be retried";
    }
    return trouble.reason === "invalidated" ? "Ended by an operator" : classOf(trouble.class).title;
}

export interface State {
    word: string;
    tone: Tone;
}

export function grantState(grant: Grant): State {
    if (grant.grant_status === "invalid") {
        return { word: "Invalid", tone: "wrong" };
    }
    if (grant.blocked) {
        return { word: "Blocked", tone: "wrong" };
    }
    if (grant.opengrant.trouble) {
        return { word: grant.opengrant.trouble.held ? "Held" : "In trouble", tone: "warn" };
    }
    return { word: "Valid", tone: "good" };
}

const WEBHOOK_STATES: Record<Webhook["status"], State & { means: string }> = {
    active: { word: "Active", tone: "good", means: "Events are delivered." },
    pause: { word: "Paused", tone: "neutral", means: "Paused by you. New events are dropped until you activate it." },
    failing: {
        word: "Failing for long",
        tone: "wrong",
        means: "Nearly all attempts of the last 15 minutes failed. Delivery continues. This clears automatically when the receiver works.",
    },
    failed: {
        word: "Failed",
        tone: "wrong",
        means: "Delivery has stopped. Fix the receiver, then activate the webhook. It will be challenged again.",
    },
};

/** A webhook's state: amber from the first failed attempt, red once nearly everything fails or nothing is sent. */
export function webhookState(webhook: Pick<Webhook, "status">, failing?: WebhookFailing): State & { means: string } {
    if (webhook.status === "active" && failing) {
        const times = failing.attempts === 1 ? "The latest attempt" : `The latest ${failing.attempts} attempts`;
        return {
            word: "Failing",
            tone: "warn",
            means: `${times} failed: ${failing.reason}. Delivery is retried automatically.`,
        };
    }
    const state = WEBHOOK_STATES[webhook.status];
    return failing && state.tone === "wrong" ? { ...state, means: `${failing.reason}. ${state.means}` } : state;
}

/** All events of a webhook. */
export function triggersOf(webhook: Webhook): string[] {
    return [...webhook.trigger_types, ...(webhook.opengrant?.trigger_types ?? [])];
}

export const PERMISSIONS: [permission: string, means: string][] = [
    ["all", "Everything in this application, except what the permissions below allow."],
    ["grants.token", "Read live access tokens of grants. Each reading is in the audit trail."],
    ["grants.credential", "Read the stored passwords of grants. Each reading and its reason are in the audit trail."],
    ["grants.proxy", "Open the mailboxes of grants through the mail proxy. Each login is in the audit trail."],
    ["grants.mail", "Read the mailboxes of grants in this console. Each reading is in the audit trail."],
    ["grants.import", "Import many grants at once, and choose the ids of new grants."],
];

/** An actor such as "key:1234…" in words. names: of API keys, by id. */
export function actorWords(actor: string | undefined, names?: Map<string, string>): string {
    if (!actor) {
        return "";
    }
    const at = actor.indexOf(":");
    const [kind, id] = at < 0 ? [actor, ""] : [actor.slice(0, at), actor.slice(at + 1)];
    const words: Record<string, string> = {
        key: "API key",
        grant: "Token of grant",
        service_account: "Service account",
        cli: "Command line:",
        import: "Import",
        clock: "OpenGrant itself",
        start: "First start",
        anonymous: "Anybody",
        session: "Console session",
        console: "Console",
    };
    const name = kind === "key" ? names?.get(id) : undefined;
    if (name !== undefined) {
        return `API key “${name}”`;
    }
    return `${words[kind] ?? kind} ${id.length > 20 ? `${id.slice(0, 8)}…` : id}`.trim();
}

const CAPITALS = new Set("api dkim dns ews http https id imap ip mx smtp spf tls uri url".split(" "));

/** "imap_host" as "IMAP host". */
export function plain(name: string): string {
    const words = name
        .split(/[_.]/)
        .map((word) => (word === "oauth" ? "OAuth" : CAPITALS.has(word) ? word.toUpperCase() : word))
        .join(" ");
    return words.charAt(0).toUpperCase() + words.slice(1);
}

export function count(number: number, one: string, many = `${one}s`): string {
    return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** A number that the API counts up to ten thousand. */
export function upToTenThousand(number: number): string {
    return number < 10_000 ? number.toLocaleString("en") : "10,000 or more";
}

/** A number that the API counts up to a thousand. */
export function upToThousand(number: number): string {
    return number < 1000 ? String(number) : "1,000 or more";
}
