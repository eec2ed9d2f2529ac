/** The addresses that hosted sign-in may return to. */

import "../looks/setup.css";
import { useState } from "preact/hooks";
import { Badge, Copy } from "../../shared/parts";
import { get, path, remove } from "../core/api";
import { useAsked } from "../core/asked";
import { useLoad } from "../core/load";
import type { RedirectUri } from "../core/wire";
import { count } from "../core/words";
import { Confirm } from "../parts/confirm";
import { Empty, Shown } from "../parts/loading";
import { Page } from "../parts/page";
import { Table } from "../parts/table";
import { EditRedirect } from "./edit-redirect";
import { PLATFORMS } from "./rules";

const ALL = "/v3/applications/redirect-uris";
const MOST = 200;

export function RedirectsPage() {
    const list = useLoad((signal) => get<RedirectUri[]>(ALL, {}, signal), []);
    const [editing, setEditing] = useState<RedirectUri | "new">();
    const [deleting, setDeleting] = useState<RedirectUri>();
    useAsked("create", () => setEditing("new"));
    const uris = list.data ?? [];
    return (
        <Page
            title="Redirect URIs"
            lead="After hosted sign-in, users return to one of these. A request must name it exactly, byte for byte."
            actions={
                <button
                    type="button"
                    class="button primary"
                    disabled={uris.length >= MOST}
                    onClick={() => setEditing("new")}
                >
                    Add a redirect URI
                </button>
            }
        >
            <Shown of={list} what="redirect URIs">
                {(found) =>
                    found.length ? (
                        <>
                            <Uris uris={found} onEdit={setEditing} onDelete={setDeleting} />
                            {found.length > MOST / 2 && (
                                <p class="soft small">
                                    {count(found.length, "redirect URI")} of {MOST}.
                                </p>
                            )}
                        </>
                    ) : (
                        <Empty title="No redirect URIs yet">
                            <p>Without one, users cannot sign in: add the address of your application’s callback.</p>
                        </Empty>
                    )
                }
            </Shown>
            {editing && (
                <EditRedirect
                    all={ALL}
                    uri={editing === "new" ? undefined : editing}
                    known={uris}
                    onDone={list.reload}
                    onClose={() => setEditing(undefined)}
                />
            )}
            {deleting && (
                <Confirm
                    title="Delete this redirect URI?"
                    submit="Delete the redirect URI"
                    under="Deleting"
                    act={async () => {
                        await remove(path`/v3/applications/redirect-uris/${deleting.id}`);
                        list.reload();
                    }}
                    onClose={() => setDeleting(undefined)}
                >
                    <p class="break">
                        <code>{deleting.url}</code>
                    </p>
                    <p>
                        Sign-ins that are under way with it fail, and requests that name it are refused.
                        {uris.length === 1 && " It is the only one: users cannot sign in until you add another."}
                    </p>
                </Confirm>
            )}
        </Page>
    );
}

function Uris({
    uris,
    onEdit,
    onDelete,
}: {
    uris: RedirectUri[];
    onEdit: (uri: RedirectUri) => void;
    onDelete: (uri: RedirectUri) => void;
}) {
    return (
        <Table class="stack" columns={["URL", "Platform", "Settings", { name: "Actions", hidden: true }]}>
            {uris.map((uri) => (
                <tr key={uri.id}>
                    <th scope="row">
                        <span class="copy-id">
                            <span class="mono break">{uri.url}</span>
                            <Copy text={uri.url} what={uri.url} />
                        </span>
                    </th>
                    <td data-label="Platform">
                        <Badge>{PLATFORMS[uri.platform].name}</Badge>
                    </td>
                    <td data-label="Settings">
                        <Settings uri={uri} />
                    </td>
                    <td class="ends">
                        <button type="button" class="button" aria-label={`Edit ${uri.url}`} onClick={() => onEdit(uri)}>
                            Edit
                        </button>
                        <button
                            type="button"
                            class="button danger"
                            aria-label={`Delete ${uri.url}`}
                            onClick={() => onDelete(uri)}
                        >
                            Delete
                        </button>
                    </td>
                </tr>
            ))}
        </Table>
    );
}

function Settings({ uri }: { uri: RedirectUri }) {
    const labels = new Map(PLATFORMS[uri.platform].settings.map(({ name, label }) => [name, label]));
    const set = Object.entries(uri.settings);
    return set.length ? (
        <ul class="setting-list">
            {set.map(([name, value]) => (
                <li key={name}>
                    <span class="soft">{labels.get(name) ?? name}</span> <span class="break">{value}</span>
                </li>
            ))}
        </ul>
    ) : (
        <span class="soft">None</span>
    );
}
