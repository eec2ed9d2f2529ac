/** What the search finds, and where. Each source answers on its own; what is loaded once is kept while it is open. */

import { applyTheme, type Theme } from "../../shared/theme";
import { get, page } from "../core/api";
import { go, href } from "../core/route";
import { reason, session, signOut } from "../core/session";
import type { ApiKey, Connector, Domain, Grant, RedirectUri, Webhook, Workspace } from "../core/wire";
import { providerName } from "../core/words";
import type { IconName } from "../parts/icon";
import { opened } from "./open";

export interface Hit {
    /** Unique among all hits. */
    id: string;
    label: string;
    /** A second line: an address, an id, a method and path. */
    note?: string;
    icon: IconName;
    /** More words that find it. */
    words?: string;
    /** Where it leads; or what it does. */
    href?: string;
    act?: () => void;
}

export interface Source {
    title: string;
    /** At most this many are shown. */
    most: number;
    /** Hits for a text that is not empty, the best ones first: those that are known without asking. */
    here?: (text: string) => Hit[];
    /** The same, of the server. */
    find: (text: string, signal: AbortSignal) => Promise<Hit[]>;
}

const NOTHING = async (): Promise<Hit[]> => [];

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const PAGES: Hit[] = (
    [
        ["overview", "", "Overview", "home start status activity"],
        ["grants", "grants", "Grants", "mailboxes accounts owners"],
        ["imports", "imports", "Imports", "migrate move bulk rows csv ndjson cut-over"],
        ["connectors", "connectors", "Connectors", "providers google microsoft oauth client"],
        ["webhooks", "webhooks", "Webhooks", "events notifications deliveries"],
        ["keys", "keys", "API keys", "tokens sessions credentials"],
        ["domains", "domains", "Domains", "dns agent accounts dkim spf"],
        ["workspaces", "workspaces", "Workspaces", "groups"],
        ["branding", "branding", "Branding", "logo colours theme sign-in page"],
        ["redirects", "redirects", "Redirect URIs", "callback url oauth"],
        ["requests", "requests", "Requests", "request id log look up errors"],
        ["audit", "audit", "Audit trail", "log history who"],
        ["settings", "settings", "Settings", "configuration environment version nodes migrations"],
    ] as [IconName, string, string, string][]
).map(([icon, place, label, words]) => ({
    id: `page-${place}`,
    label,
    words,
    icon,
    href: href(place === "" ? [] : [place]),
}));

const themed = (theme: Theme, label: string): Hit => ({
    id: `theme-${theme}`,
    label,
    words: "theme colours appearance",
    icon: "eye",
    act: () => applyTheme(theme),
});

const ACTIONS: Hit[] = [
    {
        id: "new-key",
        label: "Create an API key",
        words: "new add",
        icon: "keys",
        act: () => go(["keys"], { create: true }),
    },
    {
        id: "connect",
        label: "Connect a mailbox",
        words: "new grant add account sign in",
        icon: "grants",
        act: () => go(["grants"], { connect: true }),
    },
    {
        id: "new-webhook",
        label: "Create a webhook",
        words: "new add",
        icon: "webhooks",
        act: () => go(["webhooks"], { create: true }),
    },
    {
        id: "new-redirect",
        label: "Add a redirect URI",
        words: "new create callback",
        icon: "redirects",
        act: () => go(["redirects"], { create: true }),
    },
    {
        id: "new-workspace",
        label: "Create a workspace",
        words: "new add group",
        icon: "workspaces",
        act: () => go(["workspaces"], { create: true }),
    },
    {
        id: "new-domain",
        label: "Add a domain",
        words: "new create",
        icon: "domains",
        act: () => go(["domains"], { create: true }),
    },
    { id: "reference", label: "Open the API reference", words: "docs documentation", icon: "away", href: "/reference" },
    themed("light", "Use the light theme"),
    themed("dark", "Use the dark theme"),
    themed("auto", "Use the theme of the system"),
    {
        id: "shortcuts",
        label: "Show keyboard shortcuts",
        words: "help keys",
        icon: "pencil",
        act: () => {
            opened.value = "keys";
        },
    },
    {
        id: "sign-out",
        label: "Sign out",
        words: "log out leave end session",
        icon: "person",
        act: () =>
            void signOut().catch(() => {
                reason.value = { text: "The server did not end the session." };
            }),
    },
];

/** All words of the text must be there; a beginning of the label counts for more than one of a word, and so on. */
export function match(hits: Hit[], text: string): Hit[] {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return hits
        .map((hit) => ({ hit, rank: rank(hit, words) }))
        .filter(({ rank }) => rank > 0)
        .toSorted((a, b) => b.rank - a.rank)
        .map(({ hit }) => hit);
}

function rank({ label, note = "", words = "" }: Hit, wanted: string[]): number {
    const title = label.toLowerCase();
    const all = `${title} ${note} ${words}`.toLowerCase();
    if (!wanted.every((word) => all.includes(word))) {
        return 0;
    }
    const whole = wanted.join(" ");
    const starts = title.split(/[\s@./:_-]+/);
    return (
        1 +
        (title.startsWith(whole) ? 8 : 0) +
        (wanted.every((word) => starts.some((start) => start.startsWith(word))) ? 4 : 0) +
        (wanted.every((word) => title.includes(word)) ? 2 : 0)
    );
}

/** What is listed before anything is typed. */
export const START: Hit[] = [...ACTIONS.slice(0, 3), ...PAGES];

export function makeSources(): Source[] {
    const operator = session.value?.operator ?? false;
    const application = session.value?.application_id ?? "";
    return [
        { title: "Pages", most: 5, here: (text) => match(PAGES, text), find: NOTHING },
        { title: "Actions", most: 5, here: (text) => match(ACTIONS, text), find: NOTHING },
        { title: "Requests", most: 1, here: requests, find: NOTHING },
        { title: "Grants", most: 6, find: grants },
        listed("Connectors", "/v3/connectors?limit=100", (connector: Connector) => ({
            id: `connector-${connector.provider}`,
            label: providerName(connector.provider),
            note: "Connector",
            words: `${connector.provider} ${connector.name}`,
            icon: "connectors",
            href: href(["connectors", connector.provider]),
        })),
        listed("Webhooks", "/v3/webhooks", (webhook: Webhook) => ({
            id: `webhook-${webhook.id}`,
            label: webhook.description || webhook.webhook_url,
            note: webhook.webhook_url,
            words: webhook.id,
            icon: "webhooks",
            href: href(["webhooks", webhook.id]),
        })),
        listed("Workspaces", "/v3/workspaces", (workspace: Workspace) => ({
            id: `workspace-${workspace.workspace_id}`,
            label: workspace.name,
            ...(workspace.domain && { note: workspace.domain }),
            words: workspace.workspace_id,
            icon: "workspaces",
            href: href(["grants"], { workspace: workspace.workspace_id }),
        })),
        listed("Redirect URIs", "/v3/applications/redirect-uris", (uri: RedirectUri) => ({
            id: `redirect-${uri.id}`,
            label: uri.url,
            note: uri.platform,
            icon: "redirects",
            href: href(["redirects"]),
        })),
        ...(operator
            ? [
                  listed("API keys", `/v3/admin/applications/${application}/api-keys`, (key: ApiKey) => ({
                      id: `key-${key.id}`,
                      label: key.name,
                      note: key.status,
                      words: key.id,
                      icon: "keys",
                      href: href(["keys"]),
                  })),
                  listed("Domains", "/v3/admin/domains?limit=50", (domain: Domain) => ({
                      id: `domain-${domain.id}`,
                      label: domain.domain_address,
                      ...(domain.name !== domain.domain_address && { note: domain.name }),
                      icon: "domains",
                      href: href(["domains", domain.id]),
                  })),
              ]
            : []),
        { title: "API reference", most: 6, find: operations() },
    ];
}

/** A list that is loaded with the first text, and searched here. */
function listed<T>(title: string, from: string, hit: (row: T) => Hit): Source {
    let rows: Promise<Hit[]> | undefined;
    return {
        title,
        most: 4,
        find: async (text) => {
            rows ??= get<T[]>(from).then((found) => found.map(hit));
            rows.catch(() => {
                rows = undefined; // the next text tries again
            });
            return match(await rows, text);
        },
    };
}

function requests(text: string): Hit[] {
    return UUID.test(text)
        ? [
              {
                  id: "request",
                  label: "Look up this request ID",
                  note: text,
                  icon: "requests",
                  href: href(["requests", text]),
              },
          ]
        : [];
}

async function grants(text: string, signal: AbortSignal): Promise<Hit[]> {
    const { rows } = await page<Grant>("/v3/grants", { search: text, limit: 6 }, signal);
    return rows.map((grant) => ({
        id: `grant-${grant.id}`,
        label: grant.email,
        note: `${providerName(grant.provider)} · ${grant.grant_status} · ${grant.id}`,
        icon: "grants",
        href: href(["grants", grant.id]),
    }));
}

interface Described {
    paths: Record<string, Record<string, { operationId?: string; summary?: string; tags?: string[] }>>;
}

/** The calls of the API, loaded with the first text of three letters. */
function operations(): Source["find"] {
    let all: Promise<Hit[]> | undefined;
    return async (text) => {
        if (text.length < 3) {
            return [];
        }
        all ??= fetch("/reference/operations")
            .then((answer) => answer.json() as Promise<Described>)
            .then(({ paths }) =>
                Object.entries(paths).flatMap(([path, methods]) =>
                    Object.entries(methods).map(([method, { operationId = "", summary = "", tags = [] }]) => ({
                        id: `operation-${operationId}`,
                        label: summary,
                        note: `${method.toUpperCase()} ${path}`,
                        words: `${operationId} ${tags.join(" ")}`,
                        icon: "away" as const,
                        href: `/reference#/operation/${operationId}`,
                    })),
                ),
            );
        all.catch(() => {
            all = undefined;
        });
        return match(await all, text);
    };
}
