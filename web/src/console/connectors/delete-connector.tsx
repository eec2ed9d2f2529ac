/** Deletes a connector, after telling how many grants end with it. */

import { get, path, remove } from "../core/api";
import { useLoad } from "../core/load";
import { go } from "../core/route";
import type { Overview, Provider } from "../core/wire";
import { count } from "../core/words";
import { Confirm } from "../parts/confirm";

export function DeleteConnector({ provider, onClose }: { provider: Provider; onClose: () => void }) {
    const overview = useLoad((signal) => get<Overview>("/v3/overview", { hours: 1 }, signal), []);
    const valid = overview.data?.grants.find((row) => row.provider === provider.provider)?.valid ?? 0;
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
                {overview.data ? (
                    <>
                        <strong>{count(valid, "valid grant ends", "valid grants end")} at once.</strong>{" "}
                    </>
                ) : overview.problem ? (
                    "How many grants end with it could not be found out. "
                ) : (
                    "Counting the grants that end with it… "
                )}
                They keep their ids, and come back to life when their mailboxes connect again through a new connector.
                Its credentials are destroyed.
            </p>
        </Confirm>
    );
}
