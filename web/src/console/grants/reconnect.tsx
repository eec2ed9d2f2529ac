/** A hosted sign-in address for the owner of this mailbox, to send to them. */

import { useState } from "preact/hooks";
import { Dialog } from "../../shared/parts";
import { get, path, post } from "../core/api";
import { useAction, useLoad } from "../core/load";
import type { Grant, RedirectUri } from "../core/wire";
import { Choice, TextField } from "../parts/field";
import { Form } from "../parts/form";
import { Shown } from "../parts/loading";
import { CopyLine } from "../parts/secret";

export function Reconnect({ grant, onClose }: { grant: Grant; onClose: () => void }) {
    const uris = useLoad((signal) => get<RedirectUri[]>("/v3/applications/redirect-uris", {}, signal), []);
    return (
        <Dialog title="Reconnect link" onClose={onClose}>
            <div class="form">
                <p>
                    Send it to the owner of <strong>{grant.email}</strong>. They sign in at their provider, and this
                    grant works again, with the id that it has.
                </p>
                <Shown of={uris} what="redirect URIs">
                    {(found) =>
                        found.length ? (
                            <Link grant={grant} uris={found} />
                        ) : (
                            <Register onDone={(uri) => uris.put(() => [uri])} />
                        )
                    }
                </Shown>
                <div class="form-end">
                    <button type="button" class="button" onClick={onClose}>
                        Close
                    </button>
                </div>
            </div>
        </Dialog>
    );
}

function Link({ grant, uris }: { grant: Grant; uris: RedirectUri[] }) {
    const [uri, setUri] = useState(uris[0]?.url ?? "");
    return (
        <>
            {uris.length > 1 && (
                <Choice
                    label="Redirect URI"
                    value={uri}
                    onValue={setUri}
                    options={uris.map(({ url }) => [url, url] as const)}
                />
            )}
            {/* A link is removed when another redirect URI is chosen. */}
            <Address key={uri} grant={grant} uri={uri} />
        </>
    );
}

function Address({ grant, uri }: { grant: Grant; uri: string }) {
    const link = useLoad(
        (signal) => get<{ url: string }>(path`/v3/grants/${grant.id}/reconnect-link`, { redirect_uri: uri }, signal),
        [uri],
    );
    return (
        <Shown of={link} what="the link">
            {({ url }) => <CopyLine text={url} what="the reconnect link" />}
        </Shown>
    );
}

function Register({ onDone }: { onDone: (uri: RedirectUri) => void }) {
    const [url, setUrl] = useState("");
    const action = useAction(async () =>
        onDone(await post<RedirectUri>("/v3/applications/redirect-uris", { url: url.trim() })),
    );
    return (
        <Form action={action} submit="Register" under="Registering" ready={url.trim() !== ""}>
            <TextField
                label="Redirect URI"
                type="url"
                value={url}
                onValue={setUrl}
                placeholder="https://app.example.com/callback"
                hint="Your application has no redirect URI yet. Owners are sent there after they sign in."
                required
                mono
            />
        </Form>
    );
}
