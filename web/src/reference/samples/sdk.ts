/**
 * Which operations the official SDKs have a call for: nylas 6.18 for Python, nylas 8.4 for Node. By operation id.
 *
 * python, node  the call; null where that SDK has none
 * query         it takes query parameters
 * only          the call takes one query parameter's value, or the body, and nothing else
 */

export interface SdkCall {
    python: string | null;
    node: string | null;
    query?: boolean;
    only?: "query" | "body" | "token";
}

const plain = (python: string, node: string): SdkCall => ({ python, node });
const listing = (python: string, node: string): SdkCall => ({ python, node, query: true });

const CALLS: Record<string, SdkCall> = {
    connect_custom: plain("auth.custom_authentication", "auth.customAuthentication"),
    detect_provider: { python: "auth.detect_provider", node: "auth.detectProvider", query: true, only: "query" },
    revoke_token: { python: "auth.revoke", node: "auth.revoke", query: true, only: "token" },
    list_grants: listing("grants.list", "grants.list"),
    get_grant: plain("grants.find", "grants.find"),
    update_grant: plain("grants.update", "grants.update"),
    delete_grant: plain("grants.destroy", "grants.destroy"),
    list_connectors: listing("connectors.list", "connectors.list"),
    get_connector: plain("connectors.find", "connectors.find"),
    create_connector: plain("connectors.create", "connectors.create"),
    update_connector: plain("connectors.update", "connectors.update"),
    delete_connector: plain("connectors.destroy", "connectors.destroy"),
    list_credentials: listing("connectors.credentials.list", "connectors.credentials.list"),
    get_credential: plain("connectors.credentials.find", "connectors.credentials.find"),
    create_credential: plain("connectors.credentials.create", "connectors.credentials.create"),
    update_credential: plain("connectors.credentials.update", "connectors.credentials.update"),
    delete_credential: plain("connectors.credentials.destroy", "connectors.credentials.destroy"),
    get_application: plain("applications.info", "applications.getDetails"),
    update_application: plain("applications.update", "applications.update"),
    list_redirect_uris: plain("applications.redirect_uris.list", "applications.redirectUris.list"),
    get_redirect_uri: plain("applications.redirect_uris.find", "applications.redirectUris.find"),
    create_redirect_uri: plain("applications.redirect_uris.create", "applications.redirectUris.create"),
    update_redirect_uri: plain("applications.redirect_uris.update", "applications.redirectUris.update"),
    delete_redirect_uri: plain("applications.redirect_uris.destroy", "applications.redirectUris.destroy"),
    list_webhooks: plain("webhooks.list", "webhooks.list"),
    get_webhook: plain("webhooks.find", "webhooks.find"),
    create_webhook: plain("webhooks.create", "webhooks.create"),
    update_webhook: plain("webhooks.update", "webhooks.update"),
    delete_webhook: plain("webhooks.destroy", "webhooks.destroy"),
    // Each SDK knows one of the two spellings.
    rotate_webhook_secret: { python: null, node: "webhooks.rotateSecret" },
    rotate_secret_of_webhook: { python: "webhooks.rotate_secret", node: null },
    list_webhook_ip_addresses: plain("webhooks.ip_addresses", "webhooks.ipAddresses"),
    list_workspaces: plain("workspaces.list", "workspaces.list"),
    get_workspace: plain("workspaces.find", "workspaces.find"),
    create_workspace: plain("workspaces.create", "workspaces.create"),
    update_workspace: plain("workspaces.update", "workspaces.update"),
    delete_workspace: plain("workspaces.destroy", "workspaces.destroy"),
    auto_group_workspaces: plain("workspaces.auto_group", "workspaces.autoGroup"),
    assign_grants: plain("workspaces.manual_assign", "workspaces.manualAssign"),
    list_domains: listing("domains.list", "domains.list"),
    get_domain: plain("domains.find", "domains.find"),
    create_domain: plain("domains.create", "domains.create"),
    update_domain: plain("domains.update", "domains.update"),
    delete_domain: plain("domains.destroy", "domains.destroy"),
    get_domain_info: plain("domains.get_info", "domains.info"),
    verify_domain: plain("domains.verify", "domains.verify"),
};

/** The body decides between calls that share an operation. */
function tokenCall(grantType: unknown): SdkCall | undefined {
    if (grantType === "authorization_code") {
        return { python: "auth.exchange_code_for_token", node: "auth.exchangeCodeForToken", only: "body" };
    }
    if (grantType === "refresh_token") {
        return { python: "auth.refresh_access_token", node: "auth.refreshAccessToken", only: "body" };
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
    if (found === undefined || (queried.length > 0 && !found.query)) {
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
