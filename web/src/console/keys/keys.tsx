/** API keys and console sessions of the application. Both need an operator's session. */

import { useState } from "preact/hooks";
import { Badge, type Tone } from "../../shared/parts";
import { get, path, remove } from "../core/api";
import { useAsked } from "../core/asked";
import { useLoad } from "../core/load";
import { session } from "../core/session";
import type { ApiKey, NewApiKey } from "../core/wire";
import { Confirm } from "../parts/confirm";
import { Empty, Shown } from "../parts/loading";
import { OperatorOnly } from "../parts/operator-only";
import { Page } from "../parts/page";
import { SecretOnce } from "../parts/secret";
import { Table } from "../parts/table";
import { Time } from "../parts/time";
import { NewKey } from "./new-key";
import { Sessions } from "./sessions";

const STATES: Record<ApiKey["status"], [Tone, string]> = {
    active: ["good", "Active"],
    expired: ["neutral", "Expired"],
    revoked: ["neutral", "Revoked"],
};

export function KeysPage() {
    const [creating, setCreating] = useState(false);
    const operator = session.value?.operator ?? false;
    useAsked("create", () => setCreating(operator));
    return (
        <Page
            title="API keys"
            lead="Your programs call the API with these. A key is shown once and is not stored."
            actions={
                operator && (
                    <button type="button" class="button primary" onClick={() => setCreating(true)}>
                        New key
                    </button>
                )
            }
        >
            {operator ? (
                <Keys creating={creating} onCreated={() => setCreating(false)} />
            ) : (
                <OperatorOnly what="API keys" />
            )}
        </Page>
    );
}

function Keys({ creating, onCreated }: { creating: boolean; onCreated: () => void }) {
    const keys = `/v3/admin/applications/${session.value?.application_id}/api-keys`;
    const [made, setMade] = useState<NewApiKey>();
    const [revoking, setRevoking] = useState<ApiKey>();
    const list = useLoad((signal) => get<ApiKey[]>(keys, {}, signal), []);
    return (
        <>
            <Shown of={list} what="API keys">
                {(found) =>
                    found.length ? (
                        <KeyTable keys={found} onRevoke={setRevoking} />
                    ) : (
                        <Empty title="No API keys">
                            <p>Create one for your application.</p>
                        </Empty>
                    )
                }
            </Shown>
            <Sessions />
            {creating && (
                <NewKey
                    keys={keys}
                    onDone={(key) => {
                        onCreated();
                        setMade(key);
                    }}
                    onClose={onCreated}
                />
            )}
            {made && (
                <SecretOnce
                    title={`The key “${made.name}” is created`}
                    secret={made.api_key}
                    what="the API key"
                    onKept={() => {
                        setMade(undefined);
                        list.reload();
                    }}
                />
            )}
            {revoking && (
                <Confirm
                    title="Revoke this key?"
                    submit="Revoke the key"
                    under="Revoking"
                    typed={revoking.name}
                    act={async () => {
                        await remove(keys + path`/${revoking.id}`);
                        list.reload();
                    }}
                    onClose={() => setRevoking(undefined)}
                >
                    <p>
                        Calls with <strong>{revoking.name}</strong> are refused at once, and console sessions that it
                        began end. It stays in the list as revoked.
                    </p>
                </Confirm>
            )}
        </>
    );
}

function KeyTable({ keys, onRevoke }: { keys: ApiKey[]; onRevoke: (key: ApiKey) => void }) {
    const usable = (key: ApiKey) => key.status === "active";
    return (
        <Table
            class="stack"
            columns={[
                "Name",
                "State",
                "Permissions",
                "Created",
                "Last used",
                "Expires",
                { name: "Actions", hidden: true },
            ]}
        >
            {keys
                .toSorted((a, b) => Number(usable(b)) - Number(usable(a)) || b.created_at - a.created_at)
                .map((key) => {
                    const [tone, word] = STATES[key.status];
                    return (
                        <tr key={key.id}>
                            <th scope="row">
                                {key.name}
                                <span class="soft second">{key.id}</span>
                            </th>
                            <td data-label="State">
                                <Badge tone={tone}>{word}</Badge>
                            </td>
                            <td data-label="Permissions">{key.permissions.join(", ")}</td>
                            <td data-label="Created">
                                <Time at={key.created_at} />
                            </td>
                            <td data-label="Last used">
                                {key.last_used_at ? <Time at={key.last_used_at} /> : <span class="soft">never</span>}
                            </td>
                            <td data-label="Expires">
                                {key.expires_at ? <Time at={key.expires_at} /> : <span class="soft">never</span>}
                            </td>
                            <td class="ends">
                                {usable(key) && (
                                    <button
                                        type="button"
                                        class="button danger"
                                        aria-label={`Revoke ${key.name}`}
                                        onClick={() => onRevoke(key)}
                                    >
                                        Revoke
                                    </button>
                                )}
                            </td>
                        </tr>
                    );
                })}
        </Table>
    );
}
