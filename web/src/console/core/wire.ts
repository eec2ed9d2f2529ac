/** The shapes of our public API that the console reads, as /openapi.json describes them. Times are Unix seconds. */

export interface Session {
    id: string;
    kind: "api_key" | "link";
    application_id: string;
    application_name: string;
    /** The key it was begun with. */
    api_key_id?: string;
    permissions: string[];
    /** May call what else wants a signed request: keys and domains. */
    operator: boolean;
    created_at: number;
    expires_at: number;
    used_at: number;
    idle_seconds: number;
}

export type TroubleClass = "reconnect" | "connector" | "provider_down" | "rate_limited" | "bad_request" | "unknown";

export interface Trouble {
    class: TroubleClass;
    reason: string;
    provider_code: string;
    provider_text?: string;
    remedy: string;
    first_seen: number;
    last_seen: number;
    /** 0: of the grant itself there is none, it is its source that fails. */
    failures: number;
    suspected: boolean;
    held: boolean;
    /** It has failed for days with answers that prove nothing: a person has to look. */
    needs_attention?: boolean;
}

export interface Grant {
    id: string;
    provider: string;
    scope: string[];
    grant_status: "valid" | "invalid";
    email: string;
    settings: Record<string, unknown>;
    blocked: boolean;
    created_at: number;
    updated_at: number;
    name?: string;
    state?: string;
    provider_user_id?: string;
    credential_id?: string;
    workspace_id?: string;
    ip?: string;
    user_agent?: string;
    opengrant: {
        proven_at?: number;
        next_check_at?: number;
        refreshes?: number;
        trouble?: Trouble;
        missing_scopes?: string[];
        /** When its refresh token ends by itself. */
        refresh_token_expires_at?: number;
        /** Its source, while that is held to blame. */
        degraded?: { since: number; host?: string; class: TroubleClass; reason: string; probe_at?: number };
    };
}

export interface TimelineEntry {
    id: string;
    at: number;
    type: string;
    actor?: string;
    request_id?: string;
    class?: TroubleClass;
    reason?: string;
    provider_code?: string;
    remedy?: string;
    refreshes?: number;
    detail?: Record<string, unknown>;
}

export interface Overview {
    at: number;
    grants: { provider: string; valid: number; invalid: number; troubled: number; held: number }[];
    expiring: { tokens_within_hour: number; tokens_within_day: number; overdue: number; suspected: number };
    activity: { bucket_seconds: number; buckets: Bucket[] };
    degraded: Degraded[];
    webhooks: WebhookHealth[];
}

export interface Bucket {
    at: number;
    verified: number;
    refreshed: number;
    failed: number;
    failures: Partial<Record<TroubleClass, number>>;
}

export interface Degraded {
    provider: string;
    connector_id?: string;
    credential_id?: string;
    host?: string;
    since: number;
    class: TroubleClass;
    reason: string;
    provider_code?: string;
    remedy: string;
    grants: number;
    probe_at?: number;
}

export type WebhookStatus = "active" | "pause" | "failing" | "failed";

export interface WebhookHealth {
    id: string;
    webhook_url: string;
    status: WebhookStatus;
    status_updated_at: number;
    pending: number;
    failed: number;
    oldest_pending_at?: number;
}

export interface Provider {
    provider: string;
    name: string;
    /** It wants an OAuth client of yours. */
    needs_client: boolean;
    register_at?: { name: string; url: string };
    redirect_uri?: string;
    scopes: { scope: string; why: string; required: boolean }[];
    settings: { name: string; why: string; required: boolean; secret: boolean }[];
    steps: string[];
}

export interface Connector {
    name: string;
    provider: string;
    settings: Record<string, unknown>;
    scope: string[];
    active_credential_id?: string;
}

export interface TestReport {
    ok: boolean;
    steps: TestStep[];
}

export interface TestStep {
    name: string;
    state: "ok" | "warning" | "failed" | "skipped";
    text: string;
    remedy?: string;
}

export interface Credential {
    id: string;
    name: string;
    created_at: number;
    updated_at: number;
}

export interface ApiKey {
    id: string;
    application_id: string;
    name: string;
    permissions: string[];
    status: "active" | "expired" | "revoked";
    created_at: number;
    updated_at: number;
    expires_at?: number;
    last_used_at?: number;
}

export interface NewApiKey extends ApiKey {
    api_key: string;
}

export interface Webhook {
    id: string;
    webhook_url: string;
    trigger_types: string[];
    /** Events that only this server has: SDKs raise at names that they do not know. */
    opengrant?: { trigger_types: string[] };
    description?: string;
    notification_email_addresses: string[];
    compressed_delivery: boolean;
    status: WebhookStatus;
    status_updated_at: number;
    created_at: number;
    updated_at: number;
}

export interface WebhookWithSecret extends Webhook {
    webhook_secret: string;
}

export interface Delivery {
    id: string;
    webhook_id: string;
    event_id: string;
    type: string;
    grant_id?: string;
    state: "pending" | "delivered" | "failed";
    attempts: number;
    outcome?: string;
    created_at: number;
    next_try_at?: number;
    ended_at?: number;
}

export const RECORDS = ["ownership", "mx", "spf", "dkim", "feedback"] as const;
export type RecordKind = (typeof RECORDS)[number];

export interface Domain {
    id: string;
    name: string;
    domain_address: string;
    verified_ownership: boolean;
    verified_mx: boolean;
    verified_spf: boolean;
    verified_dkim: boolean;
    verified_feedback: boolean;
    created_at: number;
    updated_at: number;
}

export interface Verification {
    domain_id: string;
    attempt: { type: RecordKind; options: { host: string; type: "TXT" | "MX"; value: string } };
    status: "pending" | "done" | "failed";
    created_at: number;
    expires_at: number;
    message: string;
}

export interface RedirectUri {
    id: string;
    url: string;
    platform: string;
}

export interface AuditEntry {
    id: string;
    at: number;
    type: string;
    actor?: string;
    grant_id?: string;
    request_id?: string;
    detail: Record<string, unknown>;
}
