/** One connector: the setup guide, the form, the test and its credentials. */

import { useState } from "preact/hooks";
import { Badge } from "../../shared/parts";
import { get, Problem } from "../core/api";
import { useHealth } from "../core/health";
import { useLoad } from "../core/load";
import { href } from "../core/route";
import type { Connector, Provider } from "../core/wire";
import { DegradedList } from "../overview/degraded";
import { Failure } from "../parts/failure";
import { Shown } from "../parts/loading";
import { Page, Section } from "../parts/page";
import { ConnectorForm } from "./connector-form";
import { UNKNOWN } from "./connectors";
import { Credentials } from "./credentials";
import { DeleteConnector } from "./delete-connector";
import { Guide } from "./guide";
import { Test } from "./test";

export function ConnectorPage({ id }: { id: string }) {
    const [deleting, setDeleting] = useState(false);
    const loaded = useLoad(
        async (signal) => {
            const [providers, connector] = await Promise.all([
                get<Provider[]>("/v3/providers", {}, signal),
                existing(id, signal),
            ]);
            const provider = providers.find((one) => one.provider === id);
            if (!provider) {
                throw new Problem("There is no provider of that name.", 404, "console");
            }
            return { provider, connector };
        },
        [id],
    );
    const health = useHealth();
    const degraded = health.data?.degraded.filter((one) => one.provider === id) ?? [];
    // The last test was of the old settings.
    const [changes, setChanges] = useState(0);
    const changed = () => {
        setChanges((count) => count + 1);
        loaded.reload();
        health.reload();
    };
    const known = loaded.data;
    return (
        <Page
            title={known?.provider.name ?? "Connector"}
            back={{ href: href(["connectors"]), label: "Connectors" }}
            lead={known && (known.connector ? <Badge tone="good">Set up</Badge> : <Badge>Not set up</Badge>)}
            actions={
                known?.connector && (
                    <button type="button" class="button danger" onClick={() => setDeleting(true)}>
                        Delete
                    </button>
                )
            }
        >
            <Failure problem={health.problem} lead={UNKNOWN} again={health.reload} />
            <Shown of={loaded} what="the connector">
                {({ provider, connector }) => (
                    <>
                        {degraded.length > 0 && <DegradedList degraded={degraded} linked={false} />}
                        {connector ? (
                            <details class="card fold guide-fold">
                                <summary>What is registered at {provider.name}: steps, redirect URI and scopes</summary>
                                <Guide provider={provider} />
                            </details>
                        ) : (
                            <Guide provider={provider} />
                        )}
                        {(!connector || provider.settings.length + provider.scopes.length > 0) && (
                            <Section
                                title={title(provider, connector)}
                                note={provider.needs_client && "Secrets can be set but not read back."}
                            >
                                <ConnectorForm
                                    key={connector ? "change" : "create"}
                                    provider={provider}
                                    connector={connector}
                                    onSaved={changed}
                                />
                            </Section>
                        )}
                        {connector && (
                            <>
                                <Test key={changes} provider={provider} />
                                {provider.needs_client && (
                                    <Credentials provider={provider} connector={connector} onChanged={changed} />
                                )}
                            </>
                        )}
                        {deleting && <DeleteConnector provider={provider} onClose={() => setDeleting(false)} />}
                    </>
                )}
            </Shown>
        </Page>
    );
}

/** Read from the list, so that a missing connector is no error. */
async function existing(provider: string, signal: AbortSignal): Promise<Connector | undefined> {
    const connectors = await get<Connector[]>("/v3/connectors", { limit: 200 }, signal);
    return connectors.find((one) => one.provider === provider);
}

function title(provider: Provider, connector: Connector | undefined): string {
    if (connector) {
        return "Settings";
    }
    return provider.needs_client ? "Then enter what the provider gave you" : "Create it";
}
