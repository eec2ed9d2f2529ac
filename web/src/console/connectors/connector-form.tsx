/** Creates or changes a connector. Readable settings are filled in; secrets are only marked as stored. */

import { useEffect, useRef, useState } from "preact/hooks";
import { Notice } from "../../shared/parts";
import { patch, path, post } from "../core/api";
import { useAction } from "../core/load";
import { reason, session } from "../core/session";
import type { Connector, Provider } from "../core/wire";
import { plain } from "../core/words";
import { AreaField, TextField } from "../parts/field";
import { Form } from "../parts/form";

interface Draft {
    values: Record<string, string>;
    scopes: string;
}

/** Input that was not saved because the session had ended, without secrets; by application and provider. */
const unsaved = new Map<string, Draft>();

export function ConnectorForm({
    provider,
    connector,
    onSaved,
}: {
    provider: Provider;
    connector: Connector | undefined;
    onSaved: () => void;
}) {
    const draft = `${session.value?.application_id} ${provider.provider}`;
    const [found] = useState(unsaved.get(draft));
    const [values, setValues] = useState<Record<string, string>>(
        () =>
            found?.values ??
            Object.fromEntries(provider.settings.map(({ name }) => [name, String(connector?.settings[name] ?? "")])),
    );
    const [scopes, setScopes] = useState(found?.scopes ?? connector?.scope.join("\n") ?? "");
    const [saved, setSaved] = useState(false);
    const isEdited = useRef(found !== undefined);
    const latest = useRef<Draft>({ values, scopes });
    latest.current = { values, scopes };
    // Any call may find that the session has ended, and then this form is gone.
    useEffect(
        () => () => {
            if (isEdited.current && reason.value?.hasEnded) {
                unsaved.set(draft, { ...latest.current, values: without(latest.current.values, provider) });
            }
        },
        [],
    );
    const empty = provider.settings.length + provider.scopes.length === 0;
    const save = async () => {
        // Empty fields are not sent: the server keeps the secret or uses the default.
        const settings = Object.fromEntries(Object.entries(values).filter(([, value]) => value.trim() !== ""));
        const asked = scopes.split(/[\s,]+/).filter(Boolean);
        if (connector) {
            await patch(path`/v3/connectors/${provider.provider}`, {
                ...(provider.settings.length ? { settings } : {}),
                scope: asked,
            });
            setValues((now) => without(now, provider, values));
            setSaved(true);
        } else {
            await post("/v3/connectors", {
                provider: provider.provider,
                ...(provider.settings.length ? { settings } : {}),
                ...(asked.length ? { scope: asked } : {}),
            });
        }
        unsaved.delete(draft);
        isEdited.current = latest.current.values !== values || latest.current.scopes !== scopes;
        onSaved();
    };
    const action = useAction(async () => {
        setSaved(false);
        await save();
    });
    const setValue = (name: string, value: string) => {
        isEdited.current = true;
        setValues((old) => ({ ...old, [name]: value }));
    };
    return (
        <div class={empty ? "card padded bare" : "card padded"}>
            <Form action={action} submit={connector ? "Save" : "Create connector"} under="Saving">
                {found && !saved && (
                    <Notice tone="warn">
                        <p>Your session ended before this was saved. Your entries are restored, except for secrets.</p>
                    </Notice>
                )}
                {empty && <p>No settings are needed: each mailbox brings its own.</p>}
                {provider.settings.map(({ name, why, required, secret }) => (
                    <TextField
                        key={name}
                        label={plain(name)}
                        type={secret ? "password" : "text"}
                        value={values[name] ?? ""}
                        onValue={(value) => setValue(name, value)}
                        required={required && !(secret && connector)}
                        placeholder={secret && connector ? "stored" : undefined}
                        hint={secret && connector ? `Stored. Leave it empty to keep it. ${why}` : why}
                        mono
                    />
                ))}
                {(provider.scopes.length > 0 || scopes) && (
                    <AreaField
                        label="Default scopes"
                        value={scopes}
                        onValue={(value) => {
                            isEdited.current = true;
                            setScopes(value);
                        }}
                        hint="One per line. Sign-in asks for these when your application names none. Leave empty for the provider’s defaults."
                    />
                )}
                {saved && !action.busy && (
                    <Notice tone="good">
                        <p>Saved. If the connector was degraded, it is retried now.</p>
                    </Notice>
                )}
            </Form>
        </div>
    );
}

/** Secret fields are emptied once they are stored, unless another value was typed meanwhile. */
function without(values: Record<string, string>, provider: Provider, stored = values): Record<string, string> {
    const secrets = new Set(provider.settings.filter(({ secret }) => secret).map(({ name }) => name));
    return Object.fromEntries(
        Object.entries(values).map(([name, value]) => [name, secrets.has(name) && value === stored[name] ? "" : value]),
    );
}
