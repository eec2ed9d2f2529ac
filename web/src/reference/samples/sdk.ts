/**
 * Which operations the official SDKs have a call for: nylas 6.18 for Python, 8.4 for Node, 6 for Ruby, 2 for Java. By
 * operation id.
 *
 * python, node, ruby, java  the call; null or absent where that SDK has none
 * query                     it takes query parameters
 * only                      the call takes one query parameter's value, or the body, and nothing else
 * bodiless                  it takes no body, where the operation does
 */

import type { Call } from "./call";

export interface SdkCall {
    python: string | null;
    node: string | null;
    ruby?: string;
    java?: string;
    query?: boolean;
    only?: "query" | "body" | "token";
    bodiless?: boolean;
}

const call = (python: string, node: string, more: Partial<SdkCall> = {}): SdkCall => ({ python, node, ...more });

/** The calls of a resource that is named alike in the three SDKs, with parameters of a query for lists. */
function resource(
    python: string,
    one: string,
    { node = python, many = `${one}s`, verbs = VERBS, queried = ["list"] } = {},
) {
    return Object.fromEntries(
        Object.entries(verbs).map(([verb, method]) => [
            `${verb}_${verb === "list" ? many : one}`,
            call(`${python}.${method}`, `${node}.${method}`, {
                ruby: `${python}.${method}`,
                query: queried.includes(method),
            }),
        ]),
    );
}

const VERBS: Record<string, string> = {
    list: "list",
    get: "find",
    create: "create",
    update: "update",
    delete: "destroy",
};
const { create: _, ...WITHOUT_CREATE } = VERBS;
const READ = { list: "list", get: "find" };
const EACH = Object.values(VERBS);

const CALLS: Record<string, SdkCall> = {
    connect_custom: call("auth.custom_authentication", "auth.customAuthentication", {
        ruby: "auth.custom_authentication",
        java: "auth().customAuthentication",
    }),
    detect_provider: call("auth.detect_provider", "auth.detectProvider", {
        ruby: "auth.detect_provider",
        query: true,
        only: "query",
    }),
    revoke_token: call("auth.revoke", "auth.revoke", { ruby: "auth.revoke", query: true, only: "token" }),
    ...resource("grants", "grant", { verbs: WITHOUT_CREATE }),
    ...resource("connectors", "connector"),
    ...resource("connectors.credentials", "credential"),
    get_application: call("applications.info", "applications.getDetails", { ruby: "applications.get_details" }),
    update_application: call("applications.update", "applications.update"),
    ...resource("applications.redirect_uris", "redirect_uri", { node: "applications.redirectUris", queried: [] }),
    ...resource("webhooks", "webhook", { queried: [] }),
    // Each SDK knows one of the two spellings.
    rotate_webhook_secret: { python: null, node: "webhooks.rotateSecret", ruby: "webhooks.rotate_secret" },
    rotate_secret_of_webhook: { python: "webhooks.rotate_secret", node: null },
    list_webhook_ip_addresses: call("webhooks.ip_addresses", "webhooks.ipAddresses", { ruby: "webhooks.ip_addresses" }),
    ...resource("messages", "message", { verbs: WITHOUT_CREATE, queried: ["list", "find"] }),
    send_message: call("messages.send", "messages.send"),
    clean_messages: call("messages.clean_messages", "messages.cleanMessages"),
    list_schedules: call("messages.list_scheduled_messages", "messages.listScheduledMessages"),
    get_schedule: call("messages.find_scheduled_message", "messages.findScheduledMessage"),
    cancel_schedule: call("messages.stop_scheduled_message", "messages.stopScheduledMessage"),
    ...resource("drafts", "draft"),
    send_draft: call("drafts.send", "drafts.send", { bodiless: true }),
    ...resource("threads", "thread", { verbs: WITHOUT_CREATE }),
    ...resource("folders", "folder"),
    ...resource("contacts", "contact", { verbs: READ, queried: ["list", "find"] }),
    list_contact_groups: call("contacts.list_groups", "contacts.groups"),
    get_attachment: call("attachments.find", "attachments.find", { query: true }),
    ...resource("calendars", "calendar"),
    availability: call("calendars.get_availability", "calendars.getAvailability"),
    free_busy: call("calendars.get_free_busy", "calendars.getFreeBusy"),
    ...resource("events", "event", { queried: EACH }),
    import_events: call("events.list_import_events", "events.listImportEvents", { query: true }),
    send_rsvp: call("events.send_rsvp", "events.sendRsvp", { query: true }),
    // The SDK for Ruby has these in its newest releases only, and signs in another way.
    list_workspaces: call("workspaces.list", "workspaces.list"),
    get_workspace: call("workspaces.find", "workspaces.find"),
    create_workspace: call("workspaces.create", "workspaces.create"),
    update_workspace: call("workspaces.update", "workspaces.update"),
    delete_workspace: call("workspaces.destroy", "workspaces.destroy"),
    auto_group_workspaces: call("workspaces.auto_group", "workspaces.autoGroup"),
    assign_grants: call("workspaces.manual_assign", "workspaces.manualAssign"),
    list_domains: call("domains.list", "domains.list", { query: true }),
    get_domain: call("domains.find", "domains.find"),
    create_domain: call("domains.create", "domains.create"),
    update_domain: call("domains.update", "domains.update"),
    delete_domain: call("domains.destroy", "domains.destroy"),
    get_domain_info: call("domains.get_info", "domains.info"),
    verify_domain: call("domains.verify", "domains.verify"),
};

/** What the SDK for Java calls without a body and a query. */
const JAVA = ["grants", "webhooks", "calendars", "messages", "threads", "folders", "contacts", "drafts"];
for (const found of Object.values(CALLS)) {
    const [name = "", method = ""] = found.python?.split(".") ?? [];
    if (JAVA.includes(name) && (method === "list" || method === "find")) {
        found.java = `${name}().${method}`;
    }
}

/** The body decides between calls that share an operation. */
function tokenCall(grantType: unknown): SdkCall | undefined {
    if (grantType === "authorization_code") {
        return call("auth.exchange_code_for_token", "auth.exchangeCodeForToken", {
            ruby: "auth.exchange_code_for_token",
            only: "body",
        });
    }
    if (grantType === "refresh_token") {
        return call("auth.refresh_access_token", "auth.refreshAccessToken", {
            ruby: "auth.refresh_access_token",
            only: "body",
        });
    }
    return undefined;
}

function tokenInfoCall(queried: readonly string[]): SdkCall | undefined {
    if (queried.length > 1) {
        return undefined;
    }
    return queried[0] === "id_token"
        ? { python: "auth.id_token_info", node: "auth.idTokenInfo", query: true, only: "token" }
        : { python: "auth.validate_access_token", node: "auth.accessTokenInfo", query: true, only: "token" };
}

/** What decides whether an SDK can say a request. */
export function asked({ operation, body, query, headers }: Call): Asked {
    return { id: operation.id, body, queried: query.map(([name]) => name), headed: headers.length > 0 };
}

export interface Asked {
    id: string;
    body: unknown;
    queried: readonly string[];
    headed: boolean;
}

/** The SDK's call for the request, or undefined if the SDK cannot express it. */
export function sdkCall({ id, body, queried, headed }: Asked): SdkCall | undefined {
    const inBody = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
    const found =
        id === "exchange_token"
            ? tokenCall(inBody.grant_type)
            : id === "get_token_info"
              ? tokenInfoCall(queried)
              : CALLS[id];
    if (found === undefined || (queried.length > 0 && !found.query) || (body !== undefined && found.bodiless)) {
        return undefined;
    }
    const members = Object.keys(inBody);
    if (found.only === "token" && members.length + queried.length > 1) {
        return undefined;
    }
    return found.only !== undefined && headed ? undefined : found;
}

/** The reason why the code does without the SDK. */
export function whyByHand(id: string): string {
    return id in CALLS || id === "exchange_token" || id === "get_token_info"
        ? "The official SDK's call cannot say all that this request says."
        : "The official SDK has no call for this.";
}
