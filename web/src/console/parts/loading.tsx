/** Loading, a problem, or the loaded content; dimmed while it is stale. */

import type { ComponentChildren } from "preact";
import type { Loaded } from "../core/load";
import { Failure } from "./failure";

export function Shown<T>({
    of,
    what,
    children,
}: {
    of: Loaded<T>;
    what: string;
    children: (data: T) => ComponentChildren;
}) {
    return (
        <>
            <Failure problem={of.problem} again={of.reload} />
            {of.data === undefined ? (
                !of.problem && <Skeleton what={what} />
            ) : (
                <div class="shown" aria-busy={of.stale}>
                    {children(of.data)}
                </div>
            )}
        </>
    );
}

/** Lines where the content will be; a screen reader is told in words. */
function Skeleton({ what }: { what: string }) {
    return (
        <div class="card loading skeleton" role="status">
            <span class="visually-hidden">{`Loading ${what}…`}</span>
            {[0, 1, 2, 3].map((line) => (
                <i key={line} />
            ))}
        </div>
    );
}

/** The button for more rows of a list. */
export function More({ of }: { of: { more: (() => void) | undefined; loading: boolean } }) {
    return of.more ? (
        <p class="more">
            <button type="button" class="button" onClick={of.more} disabled={of.loading}>
                {of.loading ? "Loading…" : "Load more"}
            </button>
        </p>
    ) : null;
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
    return (
        <div class="empty">
            <p class="empty-title">{title}</p>
            {children}
        </div>
    );
}
