/** The request as code, updated while typing. Code reads secrets from the environment until they are revealed. */

import { useId, useRef } from "preact/hooks";
import { Copy } from "../../shared/parts";
import { Scrollable } from "../../shared/scrollable";
import { call, type Typed } from "../request";
import { type Call, KEY_VARIABLE, Secret } from "../samples/call";
import { highlight } from "../samples/highlight";
import { LANGUAGES } from "../samples/languages";
import { language, shown } from "../state";
import { Tabs } from "./tabs";

export function Samples({ typed }: { typed: Typed }) {
    const id = useId();
    const last = useRef<Call>();
    const made = call(typed, window.location.origin, shown.value);
    last.current = made ?? last.current;
    const chosen = LANGUAGES.find(({ name }) => name === language.value);
    const code = last.current && chosen?.write(last.current);
    return (
        <>
            <Tabs
                label="Language"
                tabs={LANGUAGES}
                chosen={language.value}
                panel={id}
                onChoose={(name) => {
                    language.value = name;
                }}
            />
            <div id={id} role="tabpanel" aria-label={`${chosen?.title} code`} class="code" data-code={language.value}>
                {code && last.current && (
                    <>
                        <div class="code-bar">
                            <Reveal call={last.current} />
                            <Copy text={code} what={`${chosen?.title} code`} />
                        </div>
                        <Scrollable label={`${chosen?.title} code`}>
                            <pre>
                                <code>{highlight(code)}</code>
                            </pre>
                        </Scrollable>
                    </>
                )}
            </div>
            {made === undefined && (
                <p class="panel-note" role="status">
                    The body is not JSON yet. The code shows the last body that was.
                </p>
            )}
        </>
    );
}

function Reveal({ call }: { call: Call }) {
    const names = [...(call.operation.access.key ? [KEY_VARIABLE] : []), ...secretNames(call)];
    if (names.length === 0) {
        return <span class="code-hint" />;
    }
    return (
        <>
            <span class="code-hint">
                {shown.value ? "The code has the secrets you typed." : `Secrets: from the environment.`}
            </span>
            <button
                type="button"
                class="button small"
                aria-pressed={shown.value}
                title={`Reads ${names.join(", ")} from the environment`}
                onClick={() => {
                    shown.value = !shown.value;
                }}
            >
                {shown.value ? "Hide secrets" : "Show secrets"}
            </button>
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
