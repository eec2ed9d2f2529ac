/** The request as code, updated while typing. Code reads secrets from the environment until they are revealed. */

import { useId, useRef } from "preact/hooks";
import type { Defs } from "../openapi";
import { call, type Typed } from "../request";
import { type Call, KEY_VARIABLE, Secret } from "../samples/call";
import { curl } from "../samples/curl";
import { node } from "../samples/node";
import { python } from "../samples/python";
import { type Language, language, shown } from "../state";
import { Code } from "./code";

const LANGUAGES: [Language, string, (call: Call) => string][] = [
    ["curl", "curl", curl],
    ["python", "Python", python],
    ["node", "Node", node],
];

export function Samples({ typed, defs }: { typed: Typed; defs: Defs }) {
    const id = useId();
    const last = useRef<Call>();
    const made = call(typed, defs, window.location.origin, shown.value);
    last.current = made ?? last.current;
    const shows = last.current;
    const tabs = useRef<HTMLDivElement>(null);
    const turn = (event: KeyboardEvent) => {
        const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
        if (step === 0) {
            return;
        }
        const at = LANGUAGES.findIndex(([name]) => name === language.value);
        const next = LANGUAGES[(at + step + LANGUAGES.length) % LANGUAGES.length];
        if (next) {
            language.value = next[0];
            tabs.current?.querySelector<HTMLElement>(`[data-language=${next[0]}]`)?.focus();
        }
    };
    return (
        <section class="samples" aria-label="Code">
            <h3>Code</h3>
            <div class="tabs" role="tablist" aria-label="Language" ref={tabs} onKeyDown={turn}>
                {LANGUAGES.map(([name, title]) => (
                    <button
                        key={name}
                        type="button"
                        role="tab"
                        id={`${id}-${name}`}
                        data-language={name}
                        aria-selected={language.value === name}
                        aria-controls={`${id}-${name}-panel`}
                        tabIndex={language.value === name ? 0 : -1}
                        onClick={() => {
                            language.value = name;
                        }}
                    >
                        {title}
                    </button>
                ))}
            </div>
            {LANGUAGES.map(([name, title, write]) => (
                <div
                    key={name}
                    role="tabpanel"
                    id={`${id}-${name}-panel`}
                    aria-labelledby={`${id}-${name}`}
                    hidden={language.value !== name}
                    data-code={name}
                >
                    {shows && <Code code={write(shows)} label={`${title} code`} beside={<Reveal call={shows} />} />}
                </div>
            ))}
            {made === undefined && (
                <p class="soft" role="status">
                    The body is not JSON yet: the code shows what stood there before.
                </p>
            )}
        </section>
    );
}

function Reveal({ call }: { call: Call }) {
    const names = [...(call.operation.access === "key" ? [KEY_VARIABLE] : []), ...secretNames(call)];
    if (names.length === 0) {
        return null;
    }
    return (
        <>
            <button
                type="button"
                class="button small"
                aria-pressed={shown.value}
                onClick={() => {
                    shown.value = !shown.value;
                }}
            >
                {shown.value ? "Hide secrets" : "Show secrets"}
            </button>
            <span class="code-hint">
                {shown.value
                    ? "What you copy holds the secrets you typed."
                    : `Reads ${names.join(", ")} from the environment.`}
            </span>
        </>
    );
}

function secretNames(call: Call): string[] {
    const found = new Set<string>();
    const walk = (value: unknown): void => {
        if (value instanceof Secret) {
            found.add(value.name);
        } else if (typeof value === "object" && value !== null) {
            Object.values(value).forEach(walk);
        }
    };
    walk(call.body);
    walk(call.query);
    return [...found];
}
