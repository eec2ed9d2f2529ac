/** Adds a credential of a kind that the provider has. */

import { useState } from "preact/hooks";
import { Dialog } from "../../shared/parts";
import { Problem, path, post } from "../core/api";
import { useAction } from "../core/load";
import { AreaField, Choice, TextField } from "../parts/field";
import { Form } from "../parts/form";

type Kind = "connector" | "serviceaccount" | "adminconsent";

const KINDS: Record<Kind, string> = {
    connector: "Another OAuth client",
    serviceaccount: "Service account (whole Workspace)",
    adminconsent: "Admin consent (whole tenant)",
};
const OF: Record<string, Kind[]> = {
    google: ["connector", "serviceaccount"],
    microsoft: ["connector", "adminconsent"],
};

export function NewCredential({
    provider,
    onDone,
    onClose,
}: {
    provider: string;
    onDone: () => void;
    onClose: () => void;
}) {
    const kinds = OF[provider] ?? ["connector"];
    const [kind, setKind] = useState<Kind>("connector");
    const [name, setName] = useState("");
    const [values, setValues] = useState<Record<string, string>>({});
    const set = (field: string) => (value: string) => setValues((old) => ({ ...old, [field]: value }));
    const action = useAction(async () => {
        await post(path`/v3/connectors/${provider}/creds`, {
            name: name.trim(),
            credential_type: kind,
            credential_data: kind === "serviceaccount" ? keyFile(values.file ?? "") : filled(values),
        });
        onDone();
        onClose();
    });
    const client = kind === "connector";
    return (
        <Dialog title="Add a credential" onClose={onClose}>
            <Form action={action} submit="Add" under="Adding" onCancel={onClose}>
                {kinds.length > 1 && (
                    <Choice
                        label="Kind"
                        value={kind}
                        onValue={(next) => {
                            setKind(next as Kind);
                            setValues({});
                        }}
                        options={kinds.map((one) => [one, KINDS[one]] as const)}
                    />
                )}
                <TextField label="Name" value={name} onValue={setName} required hint="A label." />
                {kind === "serviceaccount" ? (
                    <AreaField
                        label="Key file"
                        value={values.file ?? ""}
                        onValue={set("file")}
                        required
                        rows={8}
                        hint="The complete JSON key file from Google Cloud. It cannot be read back here."
                    />
                ) : (
                    <>
                        {provider === "microsoft" && (
                            <TextField
                                label="Tenant"
                                value={values.tenant ?? ""}
                                onValue={set("tenant")}
                                mono
                                hint={client ? "Without it, the connector’s." : "The tenant’s id or domain."}
                            />
                        )}
                        <TextField
                            label="Client ID"
                            value={values.client_id ?? ""}
                            onValue={set("client_id")}
                            required={client}
                            mono
                            {...(client ? {} : { hint: "Without a client, the connector’s." })}
                        />
                        <TextField
                            label="Client secret"
                            type="password"
                            value={values.client_secret ?? ""}
                            onValue={set("client_secret")}
                            required={client}
                            mono
                            hint="It can be set but not read back."
                        />
                    </>
                )}
            </Form>
        </Dialog>
    );
}

function filled(values: Record<string, string>): Record<string, string> {
    return Object.fromEntries(Object.entries(values).filter(([, value]) => value.trim() !== ""));
}

function keyFile(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        throw new Problem("This is not JSON. Paste the whole key file, from { to }.", 0, "console");
    }
}
