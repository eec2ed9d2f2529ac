/** Bars over time on a canvas; the same numbers are in the table below the charts. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Drawing } from "./plot";

export function Chart({
    title,
    colour,
    at,
    values,
    bucketSeconds,
    span,
    detail,
    onFailed,
}: {
    title: string;
    /** The name of a CSS variable: the chart follows the theme. */
    colour: string;
    at: number[];
    values: number[];
    bucketSeconds: number;
    span: (at: number) => string;
    /** More about one bar. */
    detail?: (index: number) => string;
    /** The drawing library could not be loaded. */
    onFailed: () => void;
}) {
    const place = useRef<HTMLDivElement>(null);
    const drawing = useRef<Drawing>();
    const [pointed, setPointed] = useState<number>();
    const total = values.reduce((sum, value) => sum + value, 0);
    useEffect(() => {
        let gone = false;
        // Loaded separately, so that the page appears before the drawing library.
        import("./plot").then(
            ({ draw }) => {
                if (!gone && place.current) {
                    drawing.current = draw(place.current, { colour, at, values, bucketSeconds, onPoint: setPointed });
                }
            },
            () => gone || onFailed(),
        );
        return () => {
            gone = true;
            drawing.current?.destroy();
        };
    }, [colour, bucketSeconds]);
    useEffect(() => drawing.current?.show(at, values), [at, values]);
    const index = pointed !== undefined && pointed < values.length ? pointed : undefined;
    return (
        <figure class="card chart">
            <figcaption>
                <span class="chart-title">{title}</span>
                <span class="chart-total">
                    {(index === undefined ? total : (values[index] ?? 0)).toLocaleString("en")}
                </span>
                <span class="soft small chart-note">
                    {index === undefined
                        ? total === 0
                            ? "nothing in this time"
                            : "in all"
                        : [span(at[index] ?? 0), detail?.(index)].filter(Boolean).join(": ")}
                </span>
            </figcaption>
            <div class="plot" ref={place} aria-hidden="true" />
        </figure>
    );
}
