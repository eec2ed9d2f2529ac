/** The providers: configured or not, and their problems. */

import { Badge } from "../../shared/parts";
import { get } from "../core/api";
import { useHealth } from "../core/health";
import { useLoad } from "../core/load";
import { href } from "../core/route";
import type { Connector, Provider } from "../core/wire";
import { Failure } from "../parts/failure";
import { Shown } from "../parts/loading";
import { Page } from "../parts/page";

/** Without it, "Set up" would be read as "works". */
export const UNKNOWN = "Whether a connector is degraded could not be read.";

export function ConnectorsPage() {
    const loaded = useLoad(async (signal) => {
        const [providers, connectors] = await Promise.all([
            get<Provider[]>("/v3/providers", {}, signal),
            get<Connector[]>("/v3/connectors", { limit: 200 }, signal),
        ]);
        return {
            providers,
            have: new Map(connectors.map((one) => [one.provider, one])),
        };
    }, []);
    const health = useHealth();
    const degraded = new Set(health.data?.degraded.map((one) => one.provider));
    return (
        <Page title="Connectors" lead="One per provider: your application’s registration there.">
            <Failure problem={health.problem} lead={UNKNOWN} again={health.reload} />
            <Shown of={loaded} what="connectors">
                {({ providers, have }) => (
                    <ul class="tiles">
                        {providers.map((provider) => (
                            <Tile
                                key={provider.provider}
                                provider={provider}
                                connector={have.get(provider.provider)}
                                degraded={degraded.has(provider.provider)}
                            />
                        ))}
                    </ul>
                )}
            </Shown>
        </Page>
    );
}

function Tile({
    provider,
    connector,
    degraded,
}: {
    provider: Provider;
    connector: Connector | undefined;
    degraded: boolean;
}) {
    const client = connector?.settings.client_id;
    return (
        <li class={connector ? "card tile" : "card tile unset"}>
            <p class="row-head">
                <a class="cover" href={href(["connectors", provider.provider])}>
                    {provider.name}
                </a>
                {degraded ? (
                    <Badge tone="wrong">Degraded</Badge>
                ) : connector ? (
                    <Badge tone="good">Set up</Badge>
                ) : (
                    <Badge>Not set up</Badge>
                )}
            </p>
            <p class="soft small break">
                {typeof client === "string" ? (
                    <code>{client}</code>
                ) : provider.needs_client ? (
                    "Needs your OAuth client"
                ) : (
                    "No client needed"
                )}
            </p>
        </li>
    );
}
