/** Invalidates a grant by hand, as if its provider had refused it for good. */

import { useState } from "preact/hooks";
import { Dialog } from "../../shared/parts";
import { path, post } from "../core/api";
import { useAction } from "../core/load";
import type { Grant } from "../core/wire";
import { TextField } from "../parts/field";
import { Form } from "../parts/form";

export function Invalidate({
    grant,
    onDone,
    onClose,
}: {
    grant: Grant;
    onDone: (grant: Grant) => void;
    onClose: () => void;
}) {
    const [reason, setReason] = useState("");
    const action = useAction(async () => {
        onDone(
            await post<Grant>(path`/v3/grants/${grant.id}/invalidate`, reason.trim() ? { reason: reason.trim() } : {}),
        );
        onClose();
    });
    return (
        <Dialog title="Invalidate this grant?" onClose={onClose}>
            <Form action={action} submit="Invalidate" under="Invalidating" danger onCancel={onClose}>
                <p>
                    <strong>{grant.email}</strong> stops working at once and your application is told by{" "}
                    <code>grant.expired</code>. It keeps its id and comes back to life when the owner connects again.
                </p>
                <TextField
                    label="Reason"
                    value={reason}
                    onValue={setReason}
                    maxLength={200}
                    hint="For the audit trail. Do not enter secrets."
                />
            </Form>
        </Dialog>
    );
}
