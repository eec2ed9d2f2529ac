/** A panel of the right column. On narrow screens it can be folded, and is folded at first. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Part {
    title: string;
    class?: string;
    /** On narrow screens. */
    open: boolean;
    onToggle: () => void;
    /** Beside the title. */
    bar?: ComponentChildren;
    children: ComponentChildren;
}

export function Panel({ title, class: looks = "", open, onToggle, bar, children }: Part) {
    const id = useId();
    return (
        <section class={`panel ${looks} ${open ? "open" : ""}`} aria-labelledby={id}>
            <div class="panel-bar">
                <h2 id={id} tabIndex={-1}>
                    {title}
                </h2>
                <button
                    type="button"
                    class="panel-toggle"
                    aria-expanded={open}
                    aria-controls={`${id}-body`}
                    aria-label={title}
                    onClick={onToggle}
                />
                {bar}
            </div>
            <div id={`${id}-body`} class="panel-body">
                {children}
            </div>
        </section>
    );
}
