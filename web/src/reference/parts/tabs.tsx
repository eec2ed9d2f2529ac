/** Tabs, moved through with the arrow keys. */

import { useId, useRef } from "preact/hooks";

export interface Tab<Name extends string> {
    name: Name;
    title: string;
    tone?: string;
}

interface Part<Name extends string> {
    label: string;
    tabs: Tab<Name>[];
    chosen: Name;
    onChoose: (name: Name) => void;
    /** The id of what the tabs change. */
    panel: string;
}

export function Tabs<Name extends string>({ label, tabs, chosen, onChoose, panel }: Part<Name>) {
    const id = useId();
    const list = useRef<HTMLDivElement>(null);
    const turn = (event: KeyboardEvent) => {
        const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
        const at = tabs.findIndex(({ name }) => name === chosen);
        const next = tabs[(at + step + tabs.length) % tabs.length];
        if (step !== 0 && next) {
            event.preventDefault();
            onChoose(next.name);
            list.current?.querySelector<HTMLElement>(`[data-tab="${next.name}"]`)?.focus();
        }
    };
    return (
        <div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={turn}>
            {tabs.map(({ name, title, tone = "" }) => (
                <button
                    key={name}
                    type="button"
                    role="tab"
                    id={`${id}-${name}`}
                    class={tone}
                    data-tab={name}
                    aria-selected={chosen === name}
                    aria-controls={panel}
                    tabIndex={chosen === name ? 0 : -1}
                    onClick={() => onChoose(name)}
                >
                    {title}
                </button>
            ))}
        </div>
    );
}
