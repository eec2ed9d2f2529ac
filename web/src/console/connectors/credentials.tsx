/** Further credentials of a connector: other clients, service accounts, admin consents. */

import { useState } from "preact/hooks";
import { Badge, Copy } from "../../shared/parts";
import { get, patch, path, remove } from "../core/api";
import { useAction, useLoad } from "../core/load";
import type { Connector, Credential, Provider } from "../core/wire";
import { Confirm } from "../parts/confirm";
import { Failure } from "../parts/failure";
import { Empty, Shown } from "../parts/loading";
import { Section } from "../parts/page";
import { Table } from "../parts/table";
import { Time } from "../parts/time";
import { NewCredential } from "./new-credential";

export function Credentials({
    provider,
    connector,
    onChanged,
}: {
    provider: Provider;
    connector: Connector;
    onChanged: () => void;
}) {
    const name = provider.provider;
    const [adding, setAdding] = useState(false);
    const [deleting, setDeleting] = useState<Credential>();
    const list = useLoad(
        (signal) => get<Credential[]>(path`/v3/connectors/${name}/creds`, { limit: 200 }, signal),
        [name],
    );
    const activate = useAction(async (id: string) => {
        await patch(path`/v3/connectors/${name}`, { active_credential_id: id });
        onChanged();
    });
    return (
        <Section
            title="Credentials"
            note="The active credential is used when a request names none. Requests name the others by id."
            actions={
                <button type="button" class="button" onClick={() => setAdding(true)}>
                    Add a credential
                </button>
            }
        >
            <Failure problem={activate.problem} />
            <Shown of={list} what="credentials">
                {(credentials) =>
                    credentials.length ? (
                        <Table class="stack" columns={["Name", "ID", "Changed", { name: "Actions", hidden: true }]}>
                            {credentials.map((credential) => (
                                <tr key={credential.id}>
                                    <th scope="row">
                                        {credential.name}{" "}
                                        {credential.id === connector.active_credential_id && (
                                            <Badge tone="good">Active</Badge>
                                        )}
                                    </th>
                                    <td data-label="ID">
                                        <span class="copy-id">
                                            <code>{credential.id}</code>
                                            <Copy text={credential.id} what={`the id of ${credential.name}`} />
                                        </span>
                                    </td>
                                    <td data-label="Changed">
                                        <Time at={credential.updated_at} />
                                    </td>
                                    <td class="ends">
                                        {credential.id !== connector.active_credential_id && (
                                            <button
                                                type="button"
                                                class="button"
                                                disabled={activate.busy}
                                                onClick={() => void activate.run(credential.id)}
                                            >
                                                Make active
                                            </button>
                                        )}
                                        <button
                                            type="button"
                                            class="button danger"
                                            onClick={() => setDeleting(credential)}
                                        >
                                            Delete
                                        </button>
                                    </td>
                                </tr>
                            ))}
                        </Table>
                    ) : (
                        <Empty title="No further credentials" />
                    )
                }
            </Shown>
            {adding && <NewCredential provider={name} onDone={list.reload} onClose={() => setAdding(false)} />}
            {deleting && (
                <Confirm
                    title="Delete this credential?"
                    submit="Delete the credential"
                    under="Deleting"
                    typed={deleting.name}
                    act={async () => {
                        await remove(path`/v3/connectors/${name}/creds/${deleting.id}`);
                        list.reload();
                    }}
                    onClose={() => setDeleting(undefined)}
                >
                    <p>
                        Its secret is destroyed. Grants that use <strong>{deleting.name}</strong> become invalid at
                        once.
                    </p>
                </Confirm>
            )}
        </Section>
    );
}
