/** A form with one action: it shows progress and problems beside the button. */

import type { ComponentChildren } from "preact";
import type { Action } from "../core/load";
import { Failure } from "./failure";

export function Form({
    action,
    submit,
    under,
    onCancel,
    danger = false,
    ready = true,
    children,
}: {
    action: Action<[]>;
    submit: string;
    /** The text of the button during the action. */
    under?: string;
    onCancel?: () => void;
    danger?: boolean;
    ready?: boolean;
    children?: ComponentChildren;
}) {
    return (
        <form
            class="form"
            onSubmit={(event) => {
                event.preventDefault();
                if (ready) {
                    void action.run();
                }
            }}
        >
            {children}
            <Failure problem={action.problem} />
            <div class="form-end">
                {onCancel && (
                    <button type="button" class="button" onClick={onCancel}>
                        Cancel
                    </button>
                )}
                <button
                    type="submit"
                    class={danger ? "button danger" : "button primary"}
                    disabled={action.busy || !ready}
                >
                    {action.busy ? `${under ?? "Working"}…` : submit}
                </button>
            </div>
        </form>
    );
}
