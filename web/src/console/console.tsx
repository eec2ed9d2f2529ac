/** Shows the page of the address, or the sign-in without a session. */

import type { ComponentType } from "preact";
import { Loading } from "../shared/parts";
import { ConnectorPage } from "./connectors/connector";
import { ConnectorsPage } from "./connectors/connectors";
import { here } from "./core/route";
import { session } from "./core/session";
import { Connected } from "./grants/connected";
import { GrantPage } from "./grants/grant";
import { GrantsPage } from "./grants/grants";
import { KeysPage } from "./keys/keys";
import { OverviewPage } from "./overview/overview";
import { lazy } from "./parts/lazy";
import { Page } from "./parts/page";
import { Shell } from "./shell";
import { SignIn } from "./sign-in";
import { WebhookPage } from "./webhooks/webhook";
import { WebhooksPage } from "./webhooks/webhooks";

const BrandingPage = lazy<object>(() => import("./branding/branding").then((part) => part.BrandingPage), "branding");
const RedirectsPage = lazy<object>(
    () => import("./redirects/redirects").then((part) => part.RedirectsPage),
    "redirect URIs",
);
const DeliveryPage = lazy<{ webhook: string; id: string }>(
    () => import("./webhooks/delivery").then((part) => part.DeliveryPage),
    "the delivery",
);
const ImportPage = lazy<{ id: string }>(() => import("./imports/import").then((part) => part.ImportPage), "the import");
const ImportsPage = lazy<object>(() => import("./imports/imports").then((part) => part.ImportsPage), "imports");
const RequestPage = lazy<{ id: string }>(
    () => import("./requests/request").then((part) => part.RequestPage),
    "the request",
);
const RequestsPage = lazy<object>(() => import("./requests/requests").then((part) => part.RequestsPage), "requests");
const SettingsPage = lazy<object>(() => import("./settings/settings").then((part) => part.SettingsPage), "settings");
const WorkspacesPage = lazy<object>(
    () => import("./workspaces/workspaces").then((part) => part.WorkspacesPage),
    "workspaces",
);

const AuditPage = lazy<object>(() => import("./audit/audit").then((part) => part.AuditPage), "the audit trail");
const CalendarPage = lazy<{ grant: string; calendar: string }>(
    () => import("./calendar/calendar").then((part) => part.CalendarPage),
    "the calendar",
);
const MailboxPage = lazy<{ grant: string }>(() => import("./mail/mailbox").then((part) => part.Mailbox), "the mailbox");
const DomainPage = lazy<{ id: string }>(() => import("./domains/domain").then((part) => part.DomainPage), "the domain");
const DomainsPage = lazy<object>(() => import("./domains/domains").then((part) => part.DomainsPage), "domains");

const LISTS: Record<string, ComponentType> = {
    "": OverviewPage,
    grants: GrantsPage,
    imports: ImportsPage,
    connectors: ConnectorsPage,
    webhooks: WebhooksPage,
    keys: KeysPage,
    domains: DomainsPage,
    audit: AuditPage,
    workspaces: WorkspacesPage,
    branding: BrandingPage,
    redirects: RedirectsPage,
    settings: SettingsPage,
    requests: RequestsPage,
};
const SINGLE: Record<string, ComponentType<{ id: string }>> = {
    grants: GrantPage,
    imports: ImportPage,
    connectors: ConnectorPage,
    webhooks: WebhookPage,
    domains: DomainPage,
    requests: RequestPage,
};

export function Console() {
    if (here.value.parts[0] === "connected") {
        return <Connected />;
    }
    if (session.value === undefined) {
        return (
            <main class="waiting">
                <h1 class="visually-hidden">OpenGrant console</h1>
                <Loading what="Opening the console" />
            </main>
        );
    }
    if (session.value === null) {
        return <SignIn />;
    }
    // Another session may be of another application, so all pages are rebuilt.
    return <Shell key={session.value.id}>{content(here.value.parts)}</Shell>;
}

function content([list = "", id, part, inner]: string[]) {
    if (list === "grants" && id !== undefined && part === "calendars" && inner !== undefined) {
        return <CalendarPage key={`${id}/${inner}`} grant={id} calendar={inner} />;
    }
    if (list === "grants" && id !== undefined && part === "mail") {
        return <MailboxPage key={`${id}/mail`} grant={id} />;
    }
    if (list === "webhooks" && id !== undefined && part === "deliveries" && inner !== undefined) {
        return <DeliveryPage key={`${id}/${inner}`} webhook={id} id={inner} />;
    }
    if (id !== undefined) {
        const Single = SINGLE[list];
        return Single ? <Single key={`${list}/${id}`} id={id} /> : <Nowhere />;
    }
    const List = LISTS[list];
    return List ? <List key={list} /> : <Nowhere />;
}

function Nowhere() {
    return (
        <Page title="There is no such page">
            <p>
                The address may be mistyped. <a href="#/">Go to the overview</a>.
            </p>
        </Page>
    );
}
