/** The console's sessions; each can be ended. */

import { Badge } from "../../shared/parts";
import { get, path, remove } from "../core/api";
import { useAction, useLoad } from "../core/load";
import { session, signOut } from "../core/session";
import type { ConsoleSession } from "../core/wire";
import { Failure } from "../parts/failure";
import { Shown } from "../parts/loading";
import { Section } from "../parts/page";
import { Table } from "../parts/table";
import { Moment, Time } from "../parts/time";

export function Sessions() {
    const list = useLoad((signal) => get<ConsoleSession[]>("/v3/console/sessions", {}, signal), []);
    const end = useAction(async (one: ConsoleSession) => {
        if (one.id === session.value?.id) {
            await signOut();
            return;
        }
        await remove(path`/v3/console/sessions/${one.id}`);
        list.reload();
    });
    return (
        <Section
            title="Console sessions"
            note="Browsers that are signed in to this application’s console now. An ended session stops with its next request."
        >
            <Failure problem={end.problem} />
            <Shown of={list} what="sessions">
                {(sessions) => (
                    <Table
                        class="stack"
                        columns={["Signed in with", "Started", "Last used", "Ends", { name: "Actions", hidden: true }]}
                    >
                        {sessions.map((one) => (
                            <tr key={one.id}>
                                <th scope="row">
                                    {one.kind === "link" ? "One-time link" : "API key"}{" "}
                                    {one.id === session.value?.id && <Badge tone="accent">This one</Badge>}
                                    {one.api_key_id && <span class="soft second">{one.api_key_id}</span>}
                                </th>
                                <td data-label="Started">
                                    <Moment at={one.created_at} />
                                </td>
                                <td data-label="Last used">
                                    <Time at={one.used_at} />
                                </td>
                                <td data-label="Ends">
                                    <Time at={one.expires_at} />
                                </td>
                                <td class="ends">
                                    <button
                                        type="button"
                                        class="button danger"
                                        disabled={end.busy}
                                        onClick={() => void end.run(one)}
                                    >
                                        {one.id === session.value?.id ? "Sign out" : "End session"}
                                    </button>
                                </td>
                            </tr>
                        ))}
                    </Table>
                )}
            </Shown>
        </Section>
    );
}
