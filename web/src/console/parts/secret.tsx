/** A secret that is shown once: Escape does not close it. */

import { Copy, Dialog, Notice } from "../../shared/parts";

export function SecretOnce({
    title,
    secret,
    what,
    onKept,
}: {
    title: string;
    secret: string;
    what: string;
    onKept: () => void;
}) {
    return (
        <Dialog title={title}>
            <div class="form">
                <Notice tone="warn">
                    <p>This is the only time that {what} is shown. Put it where you keep secrets, now.</p>
                </Notice>
                <CopyLine text={secret} what={what} />
                <div class="form-end">
                    <button type="button" class="button primary" onClick={onKept}>
                        I have saved it
                    </button>
                </div>
            </div>
        </Dialog>
    );
}

/** A text to copy, in one line that scrolls. */
export function CopyLine({ text, what }: { text: string; what: string }) {
    return (
        <div class="copy-line">
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
            <code tabIndex={0}>{text}</code>
            <Copy text={text} what={what} />
        </div>
    );
}
