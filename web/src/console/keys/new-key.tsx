/** Creates an API key. */

import { useState } from "preact/hooks";
import { Dialog } from "../../shared/parts";
import { post } from "../core/api";
import { useAction } from "../core/load";
import type { NewApiKey } from "../core/wire";
import { PERMISSIONS } from "../core/words";
import { Check, TextField } from "../parts/field";
import { Form } from "../parts/form";

export function NewKey({
    keys,
    onDone,
    onClose,
}: {
    /** The path of the list. */
    keys: string;
    onDone: (key: NewApiKey) => void;
    onClose: () => void;
}) {
    const [name, setName] = useState("");
    const [days, setDays] = useState("90");
    const [chosen, setChosen] = useState(["all"]);
    const action = useAction(async () =>
        onDone(await post<NewApiKey>(keys, { name: name.trim(), expires_in: Number(days), permissions: chosen })),
    );
    return (
        <Dialog title="New API key" onClose={onClose}>
            <Form
                action={action}
                submit="Create key"
                under="Creating"
                onCancel={onClose}
                ready={name.trim() !== "" && chosen.length > 0}
            >
                <TextField label="Name" value={name} onValue={setName} required hint="A label: who or what uses it." />
                <TextField
                    label="Lifetime in days"
                    type="number"
                    value={days}
                    onValue={setDays}
                    min={1}
                    max={36_500}
                    required
                />
                <fieldset class="checks">
                    <legend class="label">Permissions</legend>
                    {PERMISSIONS.map(([permission, means]) => (
                        <Check
                            key={permission}
                            label={<code>{permission}</code>}
                            hint={means}
                            checked={chosen.includes(permission)}
                            onChecked={(on) =>
                                setChosen(on ? [...chosen, permission] : chosen.filter((one) => one !== permission))
                            }
                        />
                    ))}
                </fieldset>
            </Form>
        </Dialog>
    );
}
