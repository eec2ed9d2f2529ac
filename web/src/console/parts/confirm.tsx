/** Asks before something is deleted; for large losses its name must be typed. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "../../shared/parts";
import { useAction } from "../core/load";
import { TextField } from "./field";
import { Form } from "./form";

export function Confirm({
    title,
    children,
    submit,
    under,
    typed,
    act,
    onClose,
}: {
    title: string;
    children: ComponentChildren;
    submit: string;
    under?: string;
    /** The text that must be typed. */
    typed?: string;
    act: () => Promise<unknown>;
    onClose: () => void;
}) {
    const [text, setText] = useState("");
    const action = useAction(async () => {
        await act();
        onClose();
    });
    return (
        <Dialog title={title} onClose={onClose}>
            <Form
                action={action}
                submit={submit}
                {...(under ? { under } : {})}
                danger
                onCancel={onClose}
                ready={typed === undefined || text.trim() === typed}
            >
                <div class="prose">{children}</div>
                {typed !== undefined && (
                    <TextField label={`Type ${typed} to confirm`} value={text} onValue={setText} required mono />
                )}
            </Form>
        </Dialog>
    );
}
