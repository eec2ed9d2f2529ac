/** Deletes a connector, after showing how many grants end with it. */

import { get, path, remove } from "../core/api";
import { useLoad } from "../core/load";
import { go } from "../core/route";
import type { Grant, Overview, Provider } from "../core/wire";
import { count } from "../core/words";
import { Confirm } from "../parts/confirm";

const MOST = 200;

export function DeleteConnector({ provider, onClose }: { provider: Provider; onClose: () => void }) {
    const ending = useLoad((signal) => valid(provider.provider, signal), []);
    return (
        <Confirm
            title={`Delete the ${provider.name} connector?`}
            submit="Delete the connector"
            under="Deleting"
            typed={provider.provider}
            act={async () => {
                await remove(path`/v3/connectors/${provider.provider}`);
                go(["connectors"]);
            }}
            onClose={onClose}
        >
            <p>
                {ending.data !== undefined ? (
                    <>
                        <strong>{count(ending.data, "valid grant ends", "valid grants end")} at once.</strong>{" "}
                    </>
                ) : ending.problem ? (
                    "The number of affected grants could not be loaded. "
                ) : (
                    "Counting the affected grants… "
                )}
                They keep their ids, and become valid again when their mailboxes reconnect through a new connector. Its
                credentials are destroyed.
            </p>
        </Confirm>
    );
}

/** The number of valid grants of a provider: counted, or from the overview if there are too many for one page. */
async function valid(provider: string, signal: AbortSignal): Promise<number> {
    const grants = await get<Grant[]>("/v3/grants", { provider, grant_status: "valid", limit: MOST }, signal);
    if (grants.length < MOST) {
        return grants.length;
    }
    const overview = await get<Overview>("/v3/overview", { hours: 1 }, signal);
    return overview.grants.find((row) => row.provider === provider)?.valid ?? grants.length;
}
