/** The frame of a page: its title in the window and as heading; the heading gets the focus after navigation. */

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

let visited = false;

export function Page({
    title,
    lead,
    back,
    actions,
    children,
}: {
    title: string;
    lead?: ComponentChildren;
    /** The list that this page belongs to. */
    back?: { href: string; label: string };
    actions?: ComponentChildren;
    children: ComponentChildren;
}) {
    const heading = useRef<HTMLHeadingElement>(null);
    useEffect(() => {
        document.title = `${title} · OpenGrant console`;
    }, [title]);
    // Before the page is seen: a key that comes then goes on from here.
    useLayoutEffect(() => {
        if (visited) {
            heading.current?.focus({ preventScroll: true });
            window.scrollTo(0, 0);
        }
        visited = true;
    }, []);
    return (
        <>
            <header class="page-head">
                <div>
                    {back && (
                        <a class="back" href={back.href}>
                            <span aria-hidden="true">←</span> {back.label}
                        </a>
                    )}
                    <h1 ref={heading} tabIndex={-1}>
                        {title}
                    </h1>
                    {lead && <p class="soft lead">{lead}</p>}
                </div>
                {actions && <div class="actions">{actions}</div>}
            </header>
            {children}
        </>
    );
}

export function Section({
    title,
    note,
    actions,
    children,
}: {
    title: string;
    note?: ComponentChildren;
    actions?: ComponentChildren;
    children: ComponentChildren;
}) {
    return (
        <section class="section">
            <header class="section-head">
                <div>
                    <h2>{title}</h2>
                    {note && <p class="soft">{note}</p>}
                </div>
                {actions && <div class="actions">{actions}</div>}
            </header>
            {children}
        </section>
    );
}
