/** The body of the request: the editor, its findings, and the description of the member at the cursor. */

import type { Signal } from "@preact/signals";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { parse } from "../../shared/json";
import { Dialog, Loading } from "../../shared/parts";
import type { Found, Problem } from "../editor/brain";
import { facts } from "../editor/card";
import type { Handle } from "../editor/mount";
import type { Defs } from "../openapi";
import type { Operation, Variant } from "../operations";
import { exampleText } from "../state";

interface Part {
    operation: Operation;
    variant: Variant;
    defs: Defs;
    draft: Signal<string>;
    onSend: () => void;
}

let editor: Promise<typeof import("../editor/mount")> | undefined;
let failure = "";

/**
 * The editor's file, asked for again after a failure. A browser may remember for ever that a module failed, under its
 * address, which only its own words tell: then the file is asked for under another.
 */
function loadEditor(): NonNullable<typeof editor> {
    const [address] = /https?:\/\/[^\s?]+/.exec(failure) ?? [];
    editor ??= address ? import(/* @vite-ignore */ `${address}?again=${Date.now()}`) : import("../editor/mount");
    editor.catch((reason) => {
        failure = String(reason);
        editor = undefined;
    });
    return editor;
}

type Stage = "loading" | "ready" | "failed";

export function Body({ operation, variant, defs, draft, onSend }: Part) {
    const [stage, setStage] = useState<Stage>("loading");
    const [attempt, setAttempt] = useState(0);
    const [problems, setProblems] = useState<Problem[]>([]);
    const [place, setPlace] = useState<Found | undefined>();
    /** An example that would replace edited text. */
    const [instead, setInstead] = useState<string>();
    const host = useRef<HTMLDivElement>(null);
    const plain = useRef<HTMLTextAreaElement>(null);
    const handle = useRef<Handle>();
    /** Of the plain field that the editor takes the place of, if it has the focus. */
    const cursor = useRef<number>();
    const send = useRef(onSend);
    send.current = onSend;
    const id = useId();

    // Mounted once for each variant and attempt, with the initial text.
    useEffect(() => {
        let wanted = true;
        loadEditor().then(
            ({ mount }) => {
                if (!wanted || host.current === null) {
                    return;
                }
                cursor.current = document.activeElement === plain.current ? plain.current?.selectionStart : undefined;
                handle.current = mount(host.current, {
                    text: draft.peek(),
                    schema: variant.schema,
                    defs,
                    label: `Request body, JSON, ${variant.title}`,
                    onText: (text) => {
                        draft.value = text;
                    },
                    onProblems: setProblems,
                    onPlace: setPlace,
                    onSend: () => send.current(),
                });
                setStage("ready");
            },
            () => wanted && setStage("failed"),
        );
        return () => {
            wanted = false;
            handle.current?.destroy();
        };
    }, [attempt]);

    // What is hidden takes no focus: once it is seen, and before the next key.
    useLayoutEffect(() => {
        if (stage === "ready" && cursor.current !== undefined) {
            handle.current?.focus(cursor.current);
        }
    }, [stage]);

    const rewrite = (text: string) => {
        draft.value = text;
        // They are about the old text. If the next check removed them, the Send button would move under the finger.
        setProblems([]);
        handle.current?.setText(text);
    };
    const value = parse(draft.value);
    const texts = variant.examples.map((_, index) => exampleText(variant, index));
    const edited = !texts.includes(draft.value);
    return (
        <div class="body">
            <div class="body-bar">
                <span class="label" id={`${id}-label`}>
                    Body
                </span>
                {variant.examples.length > 1 && (
                    <Examples
                        variant={variant}
                        chosen={texts.indexOf(draft.value)}
                        onChoose={(text) => (edited && draft.value.trim() !== "" ? setInstead(text) : rewrite(text))}
                    />
                )}
                <span class="push" />
                <button
                    type="button"
                    class="button small plain"
                    disabled={value === undefined}
                    onClick={() => value !== undefined && rewrite(JSON.stringify(value, null, 2))}
                >
                    Format
                </button>
                <button
                    type="button"
                    class="button small plain"
                    disabled={!edited}
                    onClick={() => rewrite(exampleText(variant))}
                >
                    Reset
                </button>
            </div>
            {stage !== "ready" && (
                <div class="editor-waits">
                    <textarea
                        ref={plain}
                        class="input editor-plain"
                        aria-label={`Request body, JSON, ${variant.title}`}
                        spellcheck={false}
                        rows={Math.max(8, draft.value.split("\n").length + 1)}
                        value={draft.value}
                        onInput={(event) => {
                            draft.value = event.currentTarget.value;
                        }}
                    />
                    {stage === "loading" ? (
                        <Loading what="Loading the editor; you can write here meanwhile" />
                    ) : (
                        <p class="problem-line" role="alert">
                            The editor could not be loaded. This plain field does the same, without suggestions.{" "}
                            <button
                                type="button"
                                class="link"
                                onClick={() => {
                                    setStage("loading");
                                    setAttempt(attempt + 1);
                                }}
                            >
                                Try again
                            </button>
                        </p>
                    )}
                </div>
            )}
            <div class="editor" ref={host} hidden={stage !== "ready"} data-operation={operation.id} />
            {stage === "ready" && (
                <>
                    <Findings problems={problems} text={draft.value} onGo={(offset) => handle.current?.focus(offset)} />
                    <Here place={place} defs={defs} />
                </>
            )}
            {instead !== undefined && (
                <Dialog title="Replace what you wrote?" onClose={() => setInstead(undefined)}>
                    <p>The example takes the place of the body as you changed it.</p>
                    <p class="dialog-buttons">
                        <button type="button" class="button" onClick={() => setInstead(undefined)}>
                            Keep mine
                        </button>
                        <button
                            type="button"
                            class="button primary"
                            onClick={() => {
                                rewrite(instead);
                                setInstead(undefined);
                            }}
                        >
                            Replace
                        </button>
                    </p>
                </Dialog>
            )}
        </div>
    );
}

function Examples({
    variant,
    chosen,
    onChoose,
}: {
    variant: Variant;
    /** -1 when the text is no example. */
    chosen: number;
    onChoose: (text: string) => void;
}) {
    return (
        <select
            class="input small"
            aria-label="Example"
            value={chosen}
            onChange={(event) => onChoose(exampleText(variant, Number(event.currentTarget.value)))}
        >
            {chosen < 0 && <option value={-1}>Yours</option>}
            {variant.examples.map((example, index) => (
                <option key={index} value={index}>
                    {example.title}
                </option>
            ))}
        </select>
    );
}

const SHOWN = 5;

/** The findings as a list, for readers who do not see the underlining; each moves the cursor to its place. */
function Findings({ problems, text, onGo }: { problems: Problem[]; text: string; onGo: (offset: number) => void }) {
    return (
        <div class="findings" aria-live="polite">
            {problems.slice(0, SHOWN).map((problem) => (
                <button
                    key={`${problem.from} ${problem.message}`}
                    type="button"
                    class={`finding ${problem.severity}`}
                    onClick={() => onGo(problem.from)}
                >
                    <span class="finding-line">Line {lineOf(text, problem.from)}</span>
                    <span>
                        <Ticked text={problem.message} />
                    </span>
                </button>
            ))}
            {problems.length > SHOWN && <p class="soft">And {problems.length - SHOWN} more.</p>}
        </div>
    );
}

function lineOf(text: string, offset: number): number {
    return text.slice(0, offset).split("\n").length;
}

/** Shows names in backticks as code. */
function Ticked({ text }: { text: string }) {
    return <>{text.split("`").map((part, index) => (index % 2 ? <code key={index}>{part}</code> : part))}</>;
}

/** The card that the pointer shows, for the member at the cursor. */
function Here({ place, defs }: { place: Found | undefined; defs: Defs }) {
    const name = place?.path.findLast((step) => typeof step === "string");
    const said = place && facts(place, defs);
    return (
        <p class="here">
            {said ? (
                <>
                    <code>{name}</code> {said.type}
                    {said.required && " · required"}
                    {said.description && `. ${said.description}`} {said.more}
                </>
            ) : (
                <>
                    <kbd>Ctrl</kbd> <kbd>Space</kbd> suggests · <kbd>Tab</kbd> leaves the editor (after <kbd>Esc</kbd>{" "}
                    while it suggests) · <kbd>Ctrl</kbd> <kbd>Enter</kbd> sends
                </>
            )}
        </p>
    );
}
