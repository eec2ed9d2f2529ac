/** The mailbox of a grant: a folder's messages, or one message. The address holds which. */

import "../looks/mail.css";
import { Notice } from "../../shared/parts";
import { get, path } from "../core/api";
import { type Loaded, useLoad } from "../core/load";
import { here, href } from "../core/route";
import { session } from "../core/session";
import type { Grant } from "../core/wire";
import { Shown } from "../parts/loading";
import { Page } from "../parts/page";
import { CopyLine } from "../parts/secret";
import { FolderList } from "./folders";
import { MessageList } from "./list";
import { MessageView } from "./message";
import { place } from "./place";

const PERMISSION = "grants.mail";

export function Mailbox({ grant: id }: { grant: string }) {
    const grant = useLoad((signal) => get<Grant>(path`/v3/grants/${id}`, {}, signal), [id]);
    const { message } = place(here.value.query);
    if (!session.value?.permissions.includes(PERMISSION)) {
        return (
            <Frame grant={grant} id={id}>
                <Lacking />
            </Frame>
        );
    }
    return message ? (
        <MessageView key={message} grant={id} id={message} />
    ) : (
        <Frame grant={grant} id={id}>
            <div class="mailbox">
                <FolderList grant={id} />
                <MessageList grant={id} />
            </div>
        </Frame>
    );
}

function Frame({ grant, id, children }: { grant: Loaded<Grant>; id: string; children: preact.ComponentChildren }) {
    return (
        <Page
            title="Mailbox"
            back={{ href: href(["grants", id]), label: grant.data?.email ?? "Grant" }}
            lead="Read live from the mail server. Messages are not marked as read. Every view is in the audit trail."
        >
            {grant.problem ? (
                <Shown of={grant} what="the grant">
                    {() => null}
                </Shown>
            ) : (
                children
            )}
        </Page>
    );
}

function Lacking() {
    const { application_id, operator, permissions } = session.value ?? {};
    const kept = (permissions ?? ["all"]).map((one) => `--permission ${one} `).join("");
    return (
        <Notice tone="accent">
            <h2 class="notice-title">
                Reading mail needs the permission <code>{PERMISSION}</code>
            </h2>
            <p>
                {operator ? "A session by link does not have it." : "Your API key does not have it."} Make an API key
                that has it, on the page <a href={href(["keys"])}>API keys</a> or with this command, and sign in with
                that key:
            </p>
            <CopyLine
                text={`opengrant keys create ${application_id ?? "ID"} ${kept}--permission ${PERMISSION}`}
                what="the command"
            />
        </Notice>
    );
}
