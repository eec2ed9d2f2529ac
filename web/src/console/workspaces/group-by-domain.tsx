/** Moves grants of the default workspace to the workspaces of their domains. */

import { useState } from "preact/hooks";
import { Dialog } from "../../shared/parts";
import { post } from "../core/api";
import { useAction } from "../core/load";
import { Check, TextField } from "../parts/field";
import { Form } from "../parts/form";

export function GroupByDomain({ onDone, onClose }: { onDone: () => void; onClose: () => void }) {
    const [domain, setDomain] = useState("");
    const [invalidAlso, setInvalidAlso] = useState(false);
    const action = useAction(async () => {
        await post("/v3/workspaces/auto-group", {
            ...(domain.trim() && { specific_domain: domain.trim() }),
            invalid_also: invalidAlso,
        });
        onDone();
        onClose();
    });
    return (
        <Dialog title="Group grants by domain" onClose={onClose}>
            <Form action={action} submit="Group" under="Starting" onCancel={onClose}>
                <p>
                    Grants of the default workspace, and those in none, move to the workspace of their email domain. A
                    workspace that is missing is created. It can be started once a minute.
                </p>
                <TextField label="Only this domain" value={domain} onValue={setDomain} placeholder="example.com" mono />
                <Check label="Invalid grants too" checked={invalidAlso} onChecked={setInvalidAlso} />
            </Form>
        </Dialog>
    );
}
