/** Creates or changes a workspace. */

import { useState } from "preact/hooks";
import { Dialog } from "../../shared/parts";
import { patch, path, post } from "../core/api";
import { useAction } from "../core/load";
import type { Workspace } from "../core/wire";
import { Check, TextField } from "../parts/field";
import { Form } from "../parts/form";

export function EditWorkspace({
    workspace,
    onDone,
    onClose,
}: {
    /** The one to change; undefined for a new one. */
    workspace: Workspace | undefined;
    onDone: () => void;
    onClose: () => void;
}) {
    const [name, setName] = useState(workspace?.name ?? "");
    const [domain, setDomain] = useState(workspace?.domain ?? "");
    const [joins, setJoins] = useState(workspace?.auto_group ?? true);
    const wanted = domain.trim();
    const action = useAction(async () => {
        const grouped = wanted === "" ? {} : { auto_group: joins };
        await (workspace
            ? patch(path`/v3/workspaces/${workspace.workspace_id}`, { name: name.trim(), ...grouped })
            : post("/v3/workspaces", { name: name.trim(), ...(wanted && { domain: wanted }), ...grouped }));
        onDone();
        onClose();
    });
    return (
        <Dialog title={workspace ? "Edit workspace" : "New workspace"} onClose={onClose}>
            <Form
                action={action}
                submit={workspace ? "Save" : "Create"}
                under={workspace ? "Saving" : "Creating"}
                onCancel={onClose}
                ready={name.trim() !== ""}
            >
                <TextField label="Name" value={name} onValue={setName} maxLength={256} required />
                {workspace ? (
                    <p class="soft">
                        Domain: {workspace.domain || "none"}. It cannot be changed: create another workspace instead.
                    </p>
                ) : (
                    <TextField
                        label="Email domain"
                        value={domain}
                        onValue={setDomain}
                        placeholder="example.com"
                        hint="What stands after the @ of its addresses. A domain has one workspace."
                        problem={domainProblem(wanted)}
                        mono
                    />
                )}
                {wanted !== "" && (
                    <Check
                        label="New grants of this domain join"
                        hint="Grants that exist stay where they are. “Group by domain” moves those of the default workspace."
                        checked={joins}
                        onChecked={setJoins}
                    />
                )}
            </Form>
        </Dialog>
    );
}

function domainProblem(domain: string): string | undefined {
    if (domain === "" || /^[^\s@/:]+\.[^\s@/:]+$/.test(domain)) {
        return undefined;
    }
    return "Write the domain alone, such as example.com.";
}
