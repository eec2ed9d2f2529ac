/** The sign-in page with the branding of the form, rendered by the server, in a frame. */

import { useEffect, useRef, useState } from "preact/hooks";
import { post } from "../core/api";
import { type Loaded, useLoad } from "../core/load";
import type { Preview } from "../core/wire";
import { Failure } from "../parts/failure";
import { HtmlFrame } from "../parts/html-frame";
import { useIsNarrow } from "../parts/narrow";
import { type Body, bodyOf, type Draft, type Problems } from "./draft";

type Which = "choice" | "login";
type Theme = "light" | "dark";
type Size = "desktop" | "phone";

/** Milliseconds after the last key. */
const PAUSE = 200;
const SIZES: Record<Size, [width: number, height: number]> = { desktop: [1100, 780], phone: [390, 780] };

export interface Previewed {
    loaded: Loaded<Preview>;
    which: Which;
    setWhich: (which: Which) => void;
}

/** The preview of the fields that are right. */
export function usePreview(draft: Draft, problems: Problems): Previewed {
    const [which, setWhich] = useState<Which>("choice");
    const wanted = JSON.stringify(
        bodyOf(
            Object.fromEntries(
                Object.entries(draft).map(([name, value]) => [name, name in problems ? "" : value]),
            ) as unknown as Draft,
        ),
    );
    const [asked, setAsked] = useState(wanted);
    useEffect(() => {
        const timer = setTimeout(() => setAsked(wanted), PAUSE);
        return () => clearTimeout(timer);
    }, [wanted]);
    const loaded = useLoad(
        (signal) =>
            post<Preview>("/v3/console/branding-preview", { ...(JSON.parse(asked) as Body), page: which }, signal),
        [asked, which],
    );
    return { loaded, which, setWhich };
}

export function PreviewPane({ of: { loaded, which, setWhich } }: { of: Previewed }) {
    const [size, setSize] = useState<Size>(useIsNarrow() ? "phone" : "desktop");
    const [theme, setTheme] = useState<Theme>("light");
    return (
        <section class="preview" aria-label="Preview of the sign-in page">
            <div class="preview-tools">
                <Switch
                    label="Page"
                    value={which}
                    onValue={setWhich}
                    options={[
                        ["choice", "Providers"],
                        ["login", "Password"],
                    ]}
                />
                <Switch
                    label="Theme"
                    value={theme}
                    onValue={setTheme}
                    options={[
                        ["light", "Light"],
                        ["dark", "Dark"],
                    ]}
                />
                <Switch
                    label="Size"
                    value={size}
                    onValue={setSize}
                    options={[
                        ["desktop", "Desktop"],
                        ["phone", "Phone"],
                    ]}
                />
            </div>
            <Failure problem={loaded.problem} again={loaded.reload} />
            <Scaled width={SIZES[size][0]} height={SIZES[size][1]} busy={loaded.loading} theme={theme}>
                {loaded.data?.html}
            </Scaled>
            <p class="soft small">
                The real page, with your unsaved changes. Users see it in the theme of their system. Nothing in it can
                be pressed.
            </p>
        </section>
    );
}

/** A frame of a fixed size, made smaller to fit its place. */
function Scaled({
    width,
    height,
    busy,
    theme,
    children: html,
}: {
    width: number;
    height: number;
    busy: boolean;
    theme: Theme;
    children: string | undefined;
}) {
    const place = useRef<HTMLDivElement>(null);
    const [room, setRoom] = useState(0);
    useEffect(() => {
        const element = place.current;
        if (!element) {
            return;
        }
        const observer = new ResizeObserver(() => setRoom(element.clientWidth));
        observer.observe(element);
        return () => observer.disconnect();
    }, []);
    const scale = room === 0 ? 0 : Math.min(1, room / width);
    return (
        <div class="preview-place" ref={place} aria-busy={busy}>
            <div class="card preview-page" style={{ width: width * scale, height: height * scale }}>
                <div class="preview-scaled" style={{ width, height, transform: `scale(${scale})` }}>
                    {html !== undefined && (
                        <HtmlFrame html={html} title="Preview" class="preview-frame" theme={theme} />
                    )}
                </div>
            </div>
        </div>
    );
}

function Switch<T extends string>({
    label,
    value,
    onValue,
    options,
}: {
    label: string;
    value: T;
    onValue: (value: T) => void;
    options: [value: T, label: string][];
}) {
    return (
        <fieldset class="segments">
            <legend class="visually-hidden">{label}</legend>
            {options.map(([one, words]) => (
                <button key={one} type="button" aria-pressed={value === one} onClick={() => onValue(one)}>
                    {words}
                </button>
            ))}
        </fieldset>
    );
}
