/** Domains of Agent Accounts. They need an operator's session. */

import { useState } from "preact/hooks";
import { Dialog } from "../../shared/parts";
import { page, post } from "../core/api";
import { useAsked } from "../core/asked";
import { useAction, useGrowing } from "../core/load";
import { go, href } from "../core/route";
import { session } from "../core/session";
import type { Domain } from "../core/wire";
import { TextField } from "../parts/field";
import { Form } from "../parts/form";
import { Empty, More, Shown } from "../parts/loading";
import { OperatorOnly } from "../parts/operator-only";
import { Page } from "../parts/page";
import { Table } from "../parts/table";
import { Time } from "../parts/time";
import { Records } from "./records";

export function DomainsPage() {
    const [adding, setAdding] = useState(false);
    const operator = session.value?.operator ?? false;
    useAsked("create", () => setAdding(operator));
    return (
        <Page
            title="Domains"
            lead="Your domain can host Agent Accounts once its DNS records prove that it is yours."
            actions={
                operator && (
                    <button type="button" class="button primary" onClick={() => setAdding(true)}>
                        Add a domain
                    </button>
                )
            }
        >
            {operator ? <List /> : <OperatorOnly what="domains" />}
            {adding && <Add onClose={() => setAdding(false)} />}
        </Page>
    );
}

function List() {
    const list = useGrowing<Domain>(
        (cursor, signal) => page("/v3/admin/domains", { limit: 50, page_token: cursor }, signal),
        [],
    );
    return (
        <Shown of={list} what="domains">
            {(domains) =>
                domains.length ? (
                    <>
                        <Table class="stack" columns={["Domain", "Records found", "Added"]}>
                            {domains.map((domain) => (
                                <tr key={domain.id}>
                                    <th scope="row">
                                        <a href={href(["domains", domain.id])}>{domain.domain_address}</a>
                                        {domain.name !== domain.domain_address && (
                                            <span class="soft second">{domain.name}</span>
                                        )}
                                    </th>
                                    <td data-label="Records found">
                                        <Records domain={domain} />
                                    </td>
                                    <td data-label="Added">
                                        <Time at={domain.created_at} />
                                    </td>
                                </tr>
                            ))}
                        </Table>
                        <More of={list} />
                    </>
                ) : (
                    <Empty title="No domains yet">
                        <p>Agent Accounts are mailboxes that live here. They need a domain of yours.</p>
                    </Empty>
                )
            }
        </Shown>
    );
}

function Add({ onClose }: { onClose: () => void }) {
    const [address, setAddress] = useState("");
    const [name, setName] = useState("");
    const action = useAction(async () => {
        const made = await post<Domain>("/v3/admin/domains", {
            domain_address: address.trim(),
            name: name.trim() || address.trim(),
        });
        go(["domains", made.id]);
    });
    return (
        <Dialog title="Add a domain" onClose={onClose}>
            <Form action={action} submit="Add" under="Adding" onCancel={onClose} ready={address.trim() !== ""}>
                <TextField
                    label="Domain"
                    value={address}
                    onValue={setAddress}
                    placeholder="mail.example.com"
                    hint="One that receives no other mail: its MX record will lead here."
                    required
                    mono
                />
                <TextField label="Name" value={name} onValue={setName} hint="A label." />
            </Form>
        </Dialog>
    );
}
