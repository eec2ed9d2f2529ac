import type { ComponentChildren } from "preact";

/** A region that scrolls when its content is too large. It can have the focus, so that a keyboard can scroll it. */
export function Scrollable({
    label,
    class: name = "",
    children,
}: {
    label: string;
    class?: string;
    children: ComponentChildren;
}) {
    return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: see above; axe asks for it as scrollable-region-focusable
        <section class={`scroll ${name}`} tabIndex={0} aria-label={label}>
            {children}
        </section>
    );
}
