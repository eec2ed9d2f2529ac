/** A piece of code that can be copied with one click. */

import type { ComponentChildren } from "preact";
import { Copy } from "../../shared/parts";
import { Scrollable } from "../../shared/scrollable";
import { highlight } from "../samples/highlight";

export function Code({ code, label, beside }: { code: string; label: string; beside?: ComponentChildren }) {
    return (
        <div class="code">
            <div class="code-bar">
                {beside}
                <Copy text={code} what={label} />
            </div>
            <Scrollable label={label}>
                <pre>
                    <code>{highlight(code)}</code>
                </pre>
            </Scrollable>
        </div>
    );
}
