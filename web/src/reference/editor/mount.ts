/** The editor of request bodies. This file and its imports are loaded with the first body. */

import {
    acceptCompletion,
    autocompletion,
    closeBrackets,
    closeBracketsKeymap,
    completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
import { linter, lintKeymap } from "@codemirror/lint";
import { EditorState, Prec } from "@codemirror/state";
import { drawSelection, EditorView, hoverTooltip, keymap, lineNumbers } from "@codemirror/view";
import type { Defs, Schema } from "../openapi";
import { Brain, type Found, type Problem } from "./brain";
import { card } from "./card";
import { completions } from "./complete";
import { looks } from "./looks";

export interface Options {
    text: string;
    schema: Schema;
    defs: Defs;
    label: string;
    onText: (text: string) => void;
    onProblems: (problems: Problem[]) => void;
    onPlace: (place: Found | undefined) => void;
    onSend: () => void;
}

export interface Handle {
    setText: (text: string) => void;
    focus: (offset?: number) => void;
    destroy: () => void;
}

/** Fills `host`, in a shadow root: there the editor uses style objects, which the CSP allows, instead of <style>. */
export function mount(host: HTMLElement, options: Options): Handle {
    const brain = new Brain(options.schema, options.defs);
    const shadow = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    const check = async (view: EditorView) => {
        const text = view.state.doc.toString();
        // An empty body is checked when it is sent.
        const found = text.trim() === "" ? [] : await brain.problems(text);
        // A member that is missing at the end is underlined at the last character.
        const problems = found.map((one) => ({
            ...one,
            from: Math.min(one.from, Math.max(text.length - 1, 0)),
            to: Math.min(one.to, text.length),
        }));
        options.onProblems(problems);
        return problems;
    };
    const hover = hoverTooltip((view, offset) => {
        const found = brain.find(view.state.doc.toString(), offset);
        const name = found?.path.findLast((step) => typeof step === "string");
        return found === undefined || typeof name !== "string"
            ? null
            : { pos: found.from, end: found.to, create: () => ({ dom: card(name, found, options.defs) }) };
    });
    const view = new EditorView({
        root: shadow,
        parent: shadow,
        state: EditorState.create({
            doc: options.text,
            extensions: [
                lineNumbers(),
                history(),
                drawSelection(),
                indentOnInput(),
                indentUnit.of("  "),
                bracketMatching(),
                closeBrackets(),
                json(),
                looks,
                overSelection,
                EditorView.lineWrapping,
                EditorView.contentAttributes.of({ "aria-label": options.label }),
                autocompletion({
                    override: [completions(brain, options.defs)],
                    icons: false,
                    optionClass: (option) => `option-${option.type}`,
                    // They appear on request or within a word only, so Enter does not insert one by accident.
                    interactionDelay: 0,
                }),
                linter(check, { delay: 200 }),
                hover,
                // Before the editor's own key, which would start a new line.
                Prec.highest(keymap.of([{ key: "Mod-Enter", run: sendWith(options.onSend) }])),
                keymap.of([
                    ...closeBracketsKeymap,
                    // Tab inserts a suggestion if there is one; otherwise it leaves the editor, as in any form.
                    { key: "Tab", run: acceptCompletion },
                    ...completionKeymap,
                    ...lintKeymap,
                    ...historyKeymap,
                    ...defaultKeymap,
                ]),
                EditorView.updateListener.of((update) => {
                    if (update.docChanged) {
                        options.onText(update.state.doc.toString());
                    }
                    if (update.docChanged || update.selectionSet || update.focusChanged) {
                        const { main } = update.state.selection;
                        const here = update.view.hasFocus && brain.find(update.state.doc.toString(), main.head);
                        options.onPlace(here || undefined);
                    }
                }),
            ],
        }),
    });
    return {
        setText: (text) => {
            view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
        },
        focus: (offset) => {
            view.focus();
            if (offset !== undefined) {
                view.dispatch({ selection: { anchor: Math.min(offset, view.state.doc.length) }, scrollIntoView: true });
            }
        },
        destroy: () => view.destroy(),
    };
}

/**
 * What is typed over a selection. Left to itself, Chromium keeps the look of the text that goes by an inline style,
 * which our policy refuses aloud.
 */
const overSelection = EditorView.domEventHandlers({
    beforeinput: (event, view) => {
        const { from, to, empty } = view.state.selection.main;
        const text = event.data;
        if (event.inputType !== "insertText" || text === null || empty || view.composing) {
            return false;
        }
        event.preventDefault();
        const plain = () => view.state.update(view.state.replaceSelection(text), { userEvent: "input.type" });
        const handlers = view.state.facet(EditorView.inputHandler);
        if (!handlers.some((handle) => handle(view, from, to, text, plain))) {
            view.dispatch(plain());
        }
        return true;
    },
});

function sendWith(send: () => void): () => boolean {
    return () => {
        send();
        return true;
    };
}
