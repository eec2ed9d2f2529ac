/** The parts that both pages are made of. Their looks are in base.css. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { applyTheme, chosenTheme, type Theme } from "./theme";

export type Tone = "good" | "warn" | "wrong" | "accent" | "neutral";

export function Badge({ tone = "neutral", children }: { tone?: Tone; children: ComponentChildren }) {
    return <span class={`badge ${tone}`}>{children}</span>;
}

export function Notice({ tone = "neutral", children }: { tone?: Tone; children: ComponentChildren }) {
    return (
        <div class={`notice ${tone}`} role={tone === "wrong" ? "alert" : "status"}>
            {children}
        </div>
    );
}

export function Loading({ what = "Loading" }: { what?: string }) {
    return (
        <p class="loading" role="status">
            {what}…
        </p>
    );
}

/** Copies with one click and says so, also to a screen reader. `text` may be made when it is asked for. */
export function Copy({ text, label = "Copy", what }: { text: string | (() => string); label?: string; what?: string }) {
    const [done, setDone] = useState(false);
    useEffect(() => {
        if (!done) {
            return;
        }
        const timer = setTimeout(() => setDone(false), 2000);
        return () => clearTimeout(timer);
    }, [done]);
    const copy = async () => {
        await toClipboard(typeof text === "string" ? text : text());
        setDone(true);
    };
    return (
        <button type="button" class="button copy" onClick={copy} aria-label={what ? `${label} ${what}` : undefined}>
            <span aria-live="polite">{done ? "Copied" : label}</span>
        </button>
    );
}

async function toClipboard(text: string): Promise<void> {
    if (navigator.clipboard) {
        await navigator.clipboard.writeText(text);
        return;
    }
    // Without https a browser has no clipboard for pages, but it still obeys this.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
}

export function ThemeChoice() {
    const id = useId();
    const [theme, setTheme] = useState<Theme>(chosenTheme());
    return (
        <span class="theme-choice">
            <label class="visually-hidden" for={id}>
                Colours
            </label>
            <select
                id={id}
                class="input"
                value={theme}
                onChange={(event) => {
                    const next = event.currentTarget.value as Theme;
                    setTheme(next);
                    applyTheme(next);
                }}
            >
                <option value="auto">Auto</option>
                <option value="light">Light</option>
                <option value="dark">Dark</option>
            </select>
        </span>
    );
}

/** A modal dialog: the browser's own keeps the focus inside and closes on Escape. */
export function Dialog({
    title,
    children,
    onClose,
}: {
    title: string;
    children: ComponentChildren;
    onClose: () => void;
}) {
    const element = useRef<HTMLDialogElement>(null);
    const id = useId();
    useEffect(() => {
        element.current?.showModal();
    }, []);
    return (
        <dialog ref={element} class="card dialog" aria-labelledby={id} onClose={onClose}>
            <h2 id={id}>{title}</h2>
            {children}
        </dialog>
    );
}
