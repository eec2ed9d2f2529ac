/** Bars over time on a canvas, of one colour or stacked; the same numbers are in the tables beside and below. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Drawing, Layer } from "./plot";

export interface Bars extends Layer {
    name: string;
}

export function Chart({
    title,
    at,
    layers,
    bucketSeconds,
    span,
    detail,
    onPick,
    picks,
    onFailed,
    children,
}: {
    title: string;
    at: number[];
    /** From the lowest to the highest. */
    layers: Bars[];
    bucketSeconds: number;
    span: (at: number) => string;
    /** More about one bar. */
    detail?: (index: number) => string;
    /** Opens what is behind a part of a bar. Left out: nothing can be opened. */
    onPick?: (index: number, layer: number) => void;
    /** What opens, for people who cannot see it. */
    picks?: string;
    /** The drawing library could not be loaded. */
    onFailed: () => void;
    children?: ComponentChildren;
}) {
    const place = useRef<HTMLDivElement>(null);
    const drawing = useRef<Drawing>();
    const [pointed, setPointed] = useState<number>();
    const id = useId();
    const sums = at.map((_, index) => layers.reduce((sum, { values }) => sum + (values[index] ?? 0), 0));
    const total = sums.reduce((sum, value) => sum + value, 0);
    const pick = (index: number, layer: number) => {
        if (sums[index]) {
            onPick?.(index, layer);
        }
    };
    const latest = useRef(pick);
    latest.current = pick;
    useEffect(() => {
        let gone = false;
        // Loaded separately, so that the page appears before the drawing library.
        import("./plot").then(
            ({ draw }) => {
                if (!gone && place.current) {
                    drawing.current = draw(place.current, {
                        at,
                        layers,
                        bucketSeconds,
                        onPoint: setPointed,
                        onPick: (index, layer) => latest.current(index, layer),
                    });
                }
            },
            () => gone || onFailed(),
        );
        return () => {
            gone = true;
            drawing.current?.destroy();
            drawing.current = undefined;
        };
    }, [bucketSeconds]);
    useEffect(() => drawing.current?.show(at, layers), [at, layers]);
    const index = pointed !== undefined && pointed < at.length ? pointed : undefined;
    const onKeyDown = (event: KeyboardEvent) => {
        const last = at.length - 1;
        const from = index ?? at.length;
        const moves: Record<string, number> = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last };
        const to = moves[event.key];
        if (to !== undefined) {
            event.preventDefault();
            const next = Math.min(Math.max(to, 0), last);
            setPointed(next);
            drawing.current?.point(next);
        } else if (event.key === "Enter" && index !== undefined) {
            // The largest part: the table has the others.
            const largest = layers.reduce(
                (best, { values }, at) => ((values[index] ?? 0) > (layers[best]?.values[index] ?? 0) ? at : best),
                0,
            );
            pick(index, largest);
        }
    };
    const looks = onPick ? "plot picked" : "plot";
    return (
        <figure class="card chart" aria-labelledby={id}>
            <figcaption>
                <span class="chart-title" id={id}>
                    {title}
                </span>
                <span class="chart-total">
                    {(index === undefined ? total : (sums[index] ?? 0)).toLocaleString("en")}
                </span>
                <span class="soft small chart-note" aria-live="polite">
                    {index === undefined
                        ? total === 0
                            ? "nothing in this time"
                            : "in total"
                        : [span(at[index] ?? 0), detail?.(index)].filter(Boolean).join(": ")}
                </span>
            </figcaption>
            {onPick ? (
                // biome-ignore lint/a11y/useSemanticElements: a picture that the arrow keys read bar by bar
                <div
                    class={looks}
                    ref={place}
                    role="group"
                    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keys go here
                    tabIndex={0}
                    aria-label={`${title}: arrow keys choose a bar, Enter opens ${picks}`}
                    onKeyDown={onKeyDown}
                />
            ) : (
                <div class={looks} ref={place} aria-hidden="true" />
            )}
            {children}
        </figure>
    );
}
