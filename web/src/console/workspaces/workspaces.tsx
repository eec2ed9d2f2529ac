/** Groups of grants, by domain or by assignment. */

import "../looks/setup.css";
import { useMemo, useState } from "preact/hooks";
import { Badge, Notice } from "../../shared/parts";
import { get, path, remove } from "../core/api";
import { useAsked } from "../core/asked";
import { type Loaded, useLoad } from "../core/load";
import { href } from "../core/route";
import type { Workspace, WorkspaceGrants } from "../core/wire";
import { count, upToThousand } from "../core/words";
import { Confirm } from "../parts/confirm";
import { TextField } from "../parts/field";
import { Shown } from "../parts/loading";
import { Page } from "../parts/page";
import { Table } from "../parts/table";
import { Time } from "../parts/time";
import { EditWorkspace } from "./edit-workspace";
import { GroupByDomain } from "./group-by-domain";

/** Rows that are shown at first and added by "Load more": the server counts grants for so many at once. */
const AT_ONCE = 50;

export function WorkspacesPage() {
    const list = useLoad((signal) => get<Workspace[]>("/v3/workspaces", {}, signal), []);
    const [editing, setEditing] = useState<Workspace | "new">();
    const [deleting, setDeleting] = useState<Workspace>();
    const [grouping, setGrouping] = useState(false);
    const [started, setStarted] = useState(false);
    useAsked("create", () => setEditing("new"));
    return (
        <Page
            title="Workspaces"
            lead="Groups of grants. A new grant joins the workspace of its email domain, or the default one."
            actions={
                <>
                    <button type="button" class="button" onClick={() => setGrouping(true)}>
                        Group by domain
                    </button>
                    <button type="button" class="button primary" onClick={() => setEditing("new")}>
                        New workspace
                    </button>
                </>
            }
        >
            {started && (
                <Notice tone="good">
                    <p>Grants are being grouped by their domains. This takes a moment.</p>
                    <button type="button" class="button" onClick={list.reload}>
                        Refresh
                    </button>
                </Notice>
            )}
            <Shown of={list} what="workspaces">
                {(workspaces) => <List workspaces={workspaces} onEdit={setEditing} onDelete={setDeleting} />}
            </Shown>
            {editing && (
                <EditWorkspace
                    workspace={editing === "new" ? undefined : editing}
                    onDone={list.reload}
                    onClose={() => setEditing(undefined)}
                />
            )}
            {grouping && (
                <GroupByDomain
                    onDone={() => {
                        setStarted(true);
                        list.reload();
                    }}
                    onClose={() => setGrouping(false)}
                />
            )}
            {deleting && <Delete workspace={deleting} list={list} onClose={() => setDeleting(undefined)} />}
        </Page>
    );
}

function Delete({
    workspace,
    list,
    onClose,
}: {
    workspace: Workspace;
    list: Loaded<Workspace[]>;
    onClose: () => void;
}) {
    return (
        <Confirm
            title="Delete this workspace?"
            submit="Delete the workspace"
            under="Deleting"
            typed={workspace.name}
            act={async () => {
                await remove(path`/v3/workspaces/${workspace.workspace_id}`);
                list.reload();
            }}
            onClose={onClose}
        >
            <p>
                The grants of <strong>{workspace.name}</strong> move to the default workspace. They keep working.
            </p>
        </Confirm>
    );
}

function List({
    workspaces,
    onEdit,
    onDelete,
}: {
    workspaces: Workspace[];
    onEdit: (workspace: Workspace) => void;
    onDelete: (workspace: Workspace) => void;
}) {
    const [text, setText] = useState("");
    const [shown, setShown] = useState(AT_ONCE);
    const found = useMemo(() => {
        const wanted = text.trim().toLowerCase();
        return workspaces.filter(({ name, domain, workspace_id }) =>
            `${name}\n${domain}\n${workspace_id}`.toLowerCase().includes(wanted),
        );
    }, [workspaces, text]);
    const visible = found.slice(0, shown);
    const counts = useCounts(workspaces, visible);
    return (
        <>
            {workspaces.length > 8 && (
                <div class="filters with-labels">
                    <div class="search">
                        <TextField
                            label="Search"
                            value={text}
                            onValue={setText}
                            placeholder="Name, domain or ID"
                            required
                        />
                    </div>
                    <p class="soft" role="status">
                        {count(found.length, "workspace")}
                    </p>
                </div>
            )}
            {visible.length > 0 ? (
                <Table
                    class="stack"
                    columns={[
                        "Name",
                        "Domain",
                        "New grants of the domain",
                        { name: "Grants", class: "number" },
                        "Created",
                        { name: "Actions", hidden: true },
                    ]}
                >
                    {visible.map((workspace) => (
                        <Row
                            key={workspace.workspace_id}
                            workspace={workspace}
                            grants={counts[workspace.workspace_id]}
                            onEdit={onEdit}
                            onDelete={onDelete}
                        />
                    ))}
                </Table>
            ) : (
                <p class="soft">No workspace matches.</p>
            )}
            {found.length > shown && (
                <p class="more">
                    <button type="button" class="button" onClick={() => setShown(shown + AT_ONCE)}>
                        Show more
                    </button>
                </p>
            )}
        </>
    );
}

/** Grants of the visible workspaces, counted again when the list is loaded again. */
function useCounts(workspaces: Workspace[], visible: Workspace[]): WorkspaceGrants {
    const ids = visible.map(({ workspace_id }) => workspace_id);
    const counts = useLoad(
        async (signal) => {
            const parts: WorkspaceGrants[] = [];
            for (let start = 0; start < ids.length; start += AT_ONCE) {
                const some = ids.slice(start, start + AT_ONCE).join(",");
                parts.push(await get<WorkspaceGrants>("/v3/console/workspace-grants", { workspace_ids: some }, signal));
            }
            return Object.assign({}, ...parts) as WorkspaceGrants;
        },
        [workspaces, ids.join()],
    );
    return counts.data ?? {};
}

function Row({
    workspace,
    grants,
    onEdit,
    onDelete,
}: {
    workspace: Workspace;
    grants: number | undefined;
    onEdit: (workspace: Workspace) => void;
    onDelete: (workspace: Workspace) => void;
}) {
    const { name, domain, workspace_id: id } = workspace;
    return (
        <tr>
            <th scope="row">
                {name} {workspace.default && <Badge tone="accent">Default</Badge>}
                <span class="soft second">{id}</span>
            </th>
            <td data-label="Domain">{domain || <span class="soft">None</span>}</td>
            <td data-label="New grants">
                {workspace.default ? (
                    "All others join"
                ) : workspace.auto_group ? (
                    "Join"
                ) : (
                    <span class="soft">Do not join</span>
                )}
            </td>
            <td data-label="Grants" class="number">
                {grants === undefined ? (
                    <span class="soft">…</span>
                ) : (
                    <a
                        href={href(["grants"], { workspace: id })}
                        aria-label={`${upToThousand(grants)} grants of ${name}`}
                    >
                        {upToThousand(grants)}
                    </a>
                )}
            </td>
            <td data-label="Created">
                <Time at={workspace.created_at} />
            </td>
            <td class="ends">
                {!workspace.default && (
                    <>
                        <button
                            type="button"
                            class="button"
                            aria-label={`Edit ${name}`}
                            onClick={() => onEdit(workspace)}
                        >
                            Edit
                        </button>
                        <button
                            type="button"
                            class="button danger"
                            aria-label={`Delete ${name}`}
                            onClick={() => onDelete(workspace)}
                        >
                            Delete
                        </button>
                    </>
                )}
            </td>
        </tr>
    );
}
