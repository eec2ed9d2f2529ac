/** All grants: totals, search, filters, links for owners and a file. The page's address contains the filters. */

import { useSignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { page } from "../core/api";
import { useAsked } from "../core/asked";
import { useHealth } from "../core/health";
import { useAction, useGrowing } from "../core/load";
import { here, href, refine } from "../core/route";
import type { Grant } from "../core/wire";
import { Failure } from "../parts/failure";
import { Empty, More, Shown } from "../parts/loading";
import { Page } from "../parts/page";
import { ConnectMailbox } from "./connect";
import { download } from "./download";
import { conditions, FilterBar, type Filters, filtersOf, queryOf, sizeOf } from "./filters";
import { Selected } from "./selected";
import { GrantTable } from "./table";
import { Totals } from "./totals";

export function GrantsPage() {
    const { query } = here.value;
    const filters = filtersOf(query);
    const [connecting, setConnecting] = useState(false);
    useAsked("connect", () => setConnecting(true));
    const selection = useSignal<ReadonlySet<string>>(new Set());
    const overview = useHealth();
    const list = useGrowing<Grant>(
        (cursor, signal) =>
            page("/v3/grants", { ...queryOf(filters), limit: sizeOf(filters), page_token: cursor }, signal),
        [query.toString()],
    );
    useEffect(() => {
        selection.value = new Set(); // what is not shown is not selected
    }, [query.toString()]);
    // Uses the page's address at that time: typing is reported with a delay, and other filters may change meanwhile.
    const set = (change: Partial<Filters>) => refine({ ...filtersOf(here.value.query), ...change });
    const clear = () => set({ ...filtersOf(new URLSearchParams()), sort: filters.sort, size: filters.size });
    const filtered = conditions(filters) > 0;
    // Totals are by state and provider only.
    const counted = conditions({ ...filters, state: "", provider: "" }) === 0;
    const file = useAction(() => download("/v3/console/grants.csv", queryOf(filters), "grants.csv"));
    return (
        <Page
            title="Grants"
            lead="One for each connected mailbox."
            actions={
                <>
                    <button type="button" class="button" disabled={file.busy} onClick={() => void file.run()}>
                        {file.busy ? "Downloading…" : "Download CSV"}
                    </button>
                    <button type="button" class="button primary" onClick={() => setConnecting(true)}>
                        Connect a mailbox
                    </button>
                </>
            }
        >
            <Failure problem={file.problem} />
            <Totals
                overview={overview}
                provider={filters.provider}
                counted={counted}
                state={filters.state}
                onState={(state) => set({ state })}
            />
            <FilterBar filters={filters} set={set} onClear={clear} />
            <Shown of={list} what="grants">
                {(grants) =>
                    grants.length ? (
                        <>
                            <GrantTable
                                grants={grants}
                                selection={selection}
                                sort={filters.sort}
                                onSort={(sort) => set({ sort })}
                            />
                            <More of={list} />
                            <Selected selection={selection} grants={grants} />
                        </>
                    ) : filtered ? (
                        <Empty title="No matching grants">
                            <p>
                                The search finds any part of an address, and the beginning of an ID or an external ID.{" "}
                                <button type="button" class="link" onClick={clear}>
                                    Show all grants
                                </button>
                            </p>
                        </Empty>
                    ) : (
                        <Empty title="No grants yet">
                            <p>
                                Connect a mailbox here, or let your application do it: by{" "}
                                <a href="/reference">POST /v3/connect/custom</a> with credentials that you hold, or by
                                hosted sign-in. Each provider needs a <a href={href(["connectors"])}>connector</a>{" "}
                                first.
                            </p>
                        </Empty>
                    )
                }
            </Shown>
            {connecting && <ConnectMailbox onClose={() => setConnecting(false)} />}
        </Page>
    );
}
