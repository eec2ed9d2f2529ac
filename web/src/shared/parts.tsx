/** Components of both pages. Their styles are in base.css. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
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

/** Copies with one click and says so, also to a screen reader. `text` may be a function, called on the click. */
export function Copy({ text, label = "Copy", what }: { text: string | (() => string); label?: string; what?: string }) {
    const [said, setSaid] = useState("");
    useEffect(() => {
        if (!said) {
            return;
        }
        const timer = setTimeout(() => setSaid(""), 2000);
        return () => clearTimeout(timer);
    }, [said]);
    const copy = async () => {
        setSaid((await toClipboard(typeof text === "string" ? text : text())) ? "Copied" : "Not copied");
    };
    return (
        <button type="button" class="button copy" onClick={copy} aria-label={what ? `${label} ${what}` : undefined}>
            <span aria-live="polite">{said || label}</span>
        </button>
    );
}

/** Whether the text is in the clipboard now. */
async function toClipboard(text: string): Promise<boolean> {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        // Without https there is no clipboard API; execCommand still works. Outside of an open dialog
        // no text can be selected.
        const before = document.activeElement;
        const area = document.createElement("textarea");
        area.value = text;
        (document.querySelector("dialog[open]") ?? document.body).append(area);
        area.select();
        const copied = document.execCommand("copy");
        area.remove();
        if (before instanceof HTMLElement) {
            before.focus();
        }
        return copied;
    }
}

export function ThemeChoice() {
    const id = useId();
    const [theme, setTheme] = useState<Theme>(chosenTheme());
    useEffect(() => {
        // The search can change it too.
        const changed = () => setTheme(chosenTheme());
        window.addEventListener("themechange", changed);
        return () => window.removeEventListener("themechange", changed);
    }, []);
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
                    applyTheme(event.currentTarget.value as Theme);
                }}
            >
                <option value="auto">Auto</option>
                <option value="light">Light</option>
                <option value="dark">Dark</option>
            </select>
        </span>
    );
}

/** A modal <dialog>: it keeps the focus inside and closes on Escape. Without `onClose` it cannot be closed. */
export function Dialog({
    title,
    class: looks = "",
    children,
    onClose,
}: {
    title: string;
    class?: string;
    children: ComponentChildren;
    onClose?: () => void;
}) {
    const element = useRef<HTMLDialogElement>(null);
    const id = useId();
    const gone = useRef(false);
    useLayoutEffect(() => {
        const dialog = element.current;
        dialog?.showModal();
        return () => {
            gone.current = true;
            dialog?.close(); // the focus returns to where it was
        };
    }, []);
    return (
        <dialog
            ref={element}
            class={`card dialog ${looks}`}
            aria-labelledby={id}
            onCancel={(event) => {
                // Not left to the browser, which tells later that it has closed: a key that comes between finds a
                // page that takes the dialog for open.
                event.preventDefault();
                onClose?.();
            }}
            onClose={() => {
                if (gone.current) {
                    return;
                }
                if (onClose) {
                    onClose();
                } else {
                    element.current?.showModal(); // a second Escape closes the dialog in any case
                }
            }}
        >
            <h2 id={id}>{title}</h2>
            {children}
        </dialog>
    );
}
