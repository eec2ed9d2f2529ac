/** Draws stacked bars with uPlot in the colours of the page; redraws when the theme changes. */

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export interface Drawing {
    show: (at: number[], layers: Layer[]) => void;
    /** Marks a bar, as the pointer does. */
    point: (index: number) => void;
    destroy: () => void;
}

/** One part of each bar. colour: the name of a CSS variable. */
export interface Layer {
    colour: string;
    values: number[];
}

const HEIGHT = 132;

export function draw(
    place: HTMLElement,
    {
        at,
        layers,
        bucketSeconds,
        onPoint,
        onPick,
    }: {
        at: number[];
        layers: Layer[];
        bucketSeconds: number;
        onPoint: (index: number | undefined) => void;
        /** A click on a bar, and on which of its layers. */
        onPick: (index: number, layer: number) => void;
    },
): Drawing {
    // A canvas has no CSS variables; an element resolves them for the current theme.
    const ink = (name: string) => {
        place.style.color = `var(${name})`;
        const colour = getComputedStyle(place).color;
        place.style.color = "";
        return colour;
    };
    let shown = layers;
    let data = stacked(at, layers);
    let plot = make();

    function make(): uPlot {
        const font = `11px ${getComputedStyle(document.body).fontFamily}`;
        const bars = uPlot.paths.bars?.({ size: [0.72, 28], radius: 0.15 });
        const axis = { stroke: ink("--soft"), font, ticks: { show: false } };
        return new uPlot(
            {
                width: place.clientWidth || 300,
                height: HEIGHT,
                padding: [8, 20, 0, 0], // for the right half of a label, which is centred on its tick
                legend: { show: false },
                cursor: { y: false, points: { show: false }, drag: { setScale: false }, sync: { key: "activity" } },
                scales: {
                    x: { range: (_, from, to) => [from - bucketSeconds / 2, to + bucketSeconds / 2] },
                    // Without data the axis ends at an even number.
                    y: { range: (_, __, most) => [0, Math.max(4, most * 1.1)] },
                },
                axes: [
                    { ...axis, size: 24, grid: { show: false }, space: 70, values: labels },
                    {
                        ...axis,
                        size: 44,
                        space: 36,
                        grid: { stroke: ink("--line"), width: 1 },
                        incrs: [
                            1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6,
                        ],
                        values: (_, ticks) => ticks.map(short),
                    },
                ],
                series: [
                    {},
                    // The highest first: each covers the lower part of the one before.
                    ...shown.toReversed().map(({ colour }) => ({
                        stroke: ink(colour),
                        fill: ink(colour),
                        width: 0,
                        ...(bars ? { paths: bars } : {}),
                        points: { show: false },
                    })),
                ],
                hooks: {
                    setCursor: [(self) => onPoint(self.cursor.idx ?? undefined)],
                    ready: [(self) => self.over.addEventListener("click", () => picked(self))],
                },
            },
            data,
            place,
        );
    }

    function picked(self: uPlot): void {
        const index = self.cursor.idx;
        if (index === null || index === undefined) {
            return;
        }
        let rest = self.posToVal(self.cursor.top ?? 0, "y");
        const layer = shown.findIndex(({ values }) => {
            rest -= values[index] ?? 0;
            return rest <= 0;
        });
        // Above the bar: its highest part.
        onPick(index, layer < 0 ? shown.findLastIndex(({ values }) => values[index]) : layer);
    }

    function labels(_: uPlot, ticks: number[], __: number, ___: number, step: number): string[] {
        const second = step < 60 ? ({ second: "2-digit" } as const) : {};
        const format =
            step >= 86_400
                ? new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" })
                : new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", ...second });
        const texts = ticks.map((tick) => format.format(tick * 1000));
        // Where ticks are closer than seconds, each second is named once.
        return texts.map((text, index) => (text === texts[index - 1] ? "" : text));
    }

    const again = () => {
        plot.destroy();
        plot = make();
    };
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const watch = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT }));
    window.addEventListener("themechange", again);
    scheme.addEventListener("change", again);
    watch.observe(place);
    return {
        show: (nextAt, nextLayers) => {
            const same = nextLayers.map(({ colour }) => colour).join() === shown.map(({ colour }) => colour).join();
            shown = nextLayers;
            data = stacked(nextAt, nextLayers);
            if (same) {
                plot.setData(data);
            } else {
                again();
            }
        },
        point: (index) => {
            const left = plot.valToPos(data[0][index] ?? 0, "x");
            plot.setCursor({ left, top: 10 });
        },
        destroy: () => {
            window.removeEventListener("themechange", again);
            scheme.removeEventListener("change", again);
            watch.disconnect();
            plot.destroy();
        },
    };
}

/** Times, then the sums up to each layer, from the highest to the lowest. */
function stacked(at: number[], layers: Layer[]): uPlot.AlignedData {
    const sums: number[][] = [];
    for (const { values } of layers) {
        const below = sums.at(-1);
        sums.push(values.map((value, index) => value + (below?.[index] ?? 0)));
    }
    return [at, ...sums.reverse()];
}

function short(value: number): string {
    return Intl.NumberFormat("en", { notation: "compact" }).format(value);
}
