import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

interface Options {
    targetFormat: "woff2";
    noHinting: boolean;
    keepFeatures: string[];
    variationAxes: Record<string, { min: number; max: number }>;
}
// The package has no types of its own.
const subset: (font: Buffer, text: string, options: Options) => Promise<Buffer> = createRequire(import.meta.url)(
    "subset-font",
);

const source = resolve(import.meta.dirname, "node_modules/@fontsource-variable/geist");
const made = resolve(import.meta.dirname, "node_modules/.fonts");

/** The files that common.css names, and what each holds of its source; common.css names the same ranges. */
const FILES: [name: string, source: string, range: string][] = [
    [
        "geist",
        "latin",
        "U+20-7E,U+A0-A1,U+A3,U+A7,U+A9,U+AB,U+AE,U+B0-B1,U+B7,U+BB,U+BF-C4,U+C7-CF,U+D1-D7,U+D9-DC,U+DF-E4,U+E7-EF," +
            "U+F1-F6,U+F9-FC,U+152-153,U+2013-2014,U+2018-2019,U+201C-201E,U+2022,U+2026,U+20AC,U+2191,U+2193,U+2212",
    ],
    ["geist-ext", "latin-ext", "U+100-151,U+154-24F"],
    ["geist-cyrillic", "cyrillic", "U+400-45F,U+490-491,U+4B0-4B1"],
];

/** Writes the typeface into node_modules/.fonts: the weights, letters and features that the pages use, a third of it. */
export async function writeTypeface(): Promise<void> {
    mkdirSync(made, { recursive: true });
    for (const [name, from, range] of FILES) {
        const font = await subset(readFileSync(`${source}/files/geist-${from}-wght-normal.woff2`), letters(range), {
            targetFormat: "woff2",
            noHinting: true,
            keepFeatures: ["kern", "tnum", "ccmp", "locl", "mark", "mkmk"],
            variationAxes: { wght: { min: 400, max: 600 } },
        });
        writeFileSync(`${made}/${name}.woff2`, font);
    }
}

/** The licence demands that it comes with the font. */
export function licence(): string {
    return readFileSync(`${source}/LICENSE`, "utf8");
}

/** Of a `unicode-range`. */
function letters(range: string): string {
    return range
        .split(",")
        .flatMap((part) => {
            const [first = "", last = first] = part.slice(2).split("-");
            const from = Number.parseInt(first, 16);
            return Array.from({ length: Number.parseInt(last, 16) - from + 1 }, (_, at) =>
                String.fromCodePoint(from + at),
            );
        })
        .join("");
}
