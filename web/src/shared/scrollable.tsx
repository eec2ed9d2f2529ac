import type { ComponentChildren } from "preact";

/** A region that scrolls when it is too wide or long. It takes the focus, because only so a keyboard can scroll it. */
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
