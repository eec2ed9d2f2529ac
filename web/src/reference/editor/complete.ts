/** Suggestions: members that the object at the cursor lacks, and the values that a member may have. */

import {
    type Completion,
    type CompletionContext,
    type CompletionResult,
    pickedCompletion,
    startCompletion,
} from "@codemirror/autocomplete";
import type { EditorView } from "@codemirror/view";
import type { Json } from "../../shared/json";
import type { Defs } from "../openapi";
import { allowed, branches, typeOf } from "../schema";
import type { Brain, MemberOffer } from "./brain";
import { card } from "./card";

export function completions(brain: Brain, defs: Defs) {
    return async (context: CompletionContext): Promise<CompletionResult | null> => {
        const before = context.matchBefore(/"?[\w./-]*$/);
        // Without a request only within a word, or after an opening quote.
        const line = context.state.doc.lineAt(context.pos);
        const typed = line.text.slice(0, context.pos - line.from);
        if (!context.explicit && !/(^|[\s{[,:])"[\w./-]*$|[\w-]$/.test(typed)) {
            return null;
        }
        const offers = await brain.offers(context.state.doc.toString(), context.pos);
        if (offers.length === 0 || context.aborted) {
            return null;
        }
        const from = (before?.from ?? context.pos) + (before?.text.startsWith('"') ? 1 : 0);
        return {
            from,
            options: offers.map((offer, index) =>
                offer.kind === "member" ? memberOption(offer, index, defs) : valueOption(offer.text, index),
            ),
            validFor: /^[\w./-]*$/,
        };
    };
}

const MOST = 99; // the highest boost

function memberOption(offer: MemberOffer, index: number, defs: Defs): Completion {
    const { name, place } = offer;
    const required = place?.required ?? false;
    return {
        label: name,
        type: required ? "required" : "optional",
        ...(place && { detail: `${typeOf(place.schema, defs)}${required ? " · required" : ""}` }),
        boost: (required ? MOST : MOST / 2) - Math.min(index, MOST / 2),
        ...(place && { info: () => card(name, place, defs) }),
        apply: (view, completion, from, to) => {
            const [start, end] = quoted(view, from, to);
            const valued = /^\s*:/.test(view.state.sliceDoc(end, end + 50));
            const key = JSON.stringify(name);
            const [open, close, suggest] = valued || place === undefined ? ["", "", false] : value(place.schema, defs);
            const begin = valued ? key : `${key}: ${open}`;
            const insert = `${begin}${valued ? "" : close}${offer.follows && !valued ? "," : ""}`;
            view.dispatch({
                changes: { from: start, to: end, insert },
                selection: { anchor: start + begin.length },
                annotations: pickedCompletion.of(completion),
                userEvent: "input.complete",
                scrollIntoView: true,
            });
            if (suggest) {
                startCompletion(view);
            }
        },
    };
}

function valueOption(text: string, index: number): Completion {
    return {
        label: text.startsWith('"') ? (JSON.parse(text) as string) : text,
        type: "value",
        boost: MOST - Math.min(index, MOST),
        apply: (view, completion, from, to) => {
            const [start, end] = quoted(view, from, to);
            view.dispatch({
                changes: { from: start, to: end, insert: text },
                selection: { anchor: start + text.length },
                annotations: pickedCompletion.of(completion),
                userEvent: "input.complete",
            });
        },
    };
}

/** The word and the quotes around it, on this line. */
function quoted(view: EditorView, from: number, to: number): [number, number] {
    const start = view.state.sliceDoc(from - 1, from) === '"' ? from - 1 : from;
    const rest = view.state.doc.lineAt(to).to;
    const tail = /^[\w./-]*"?/.exec(view.state.sliceDoc(to, rest))?.[0] ?? "";
    // An unquoted word ends at its colon.
    const end = tail.endsWith('"') && start < from ? to + tail.length : to + (/^[\w-]*/.exec(tail)?.[0].length ?? 0);
    return [start, end];
}

/** The text to insert for a value: before the cursor, after it, and whether to suggest values there. */
function value(schema: Parameters<typeof typeOf>[0], defs: Defs): [string, string, boolean] {
    const values = allowed(schema, defs);
    if (values?.length === 1) {
        return [JSON.stringify(values[0]), "", false];
    }
    if (values !== undefined && values.length > 0) {
        return values.every((one) => typeof one === "string") ? ['"', '"', true] : ["", "", true];
    }
    const way = branches(schema, defs)[0] ?? {};
    const standard: Json | undefined = way.default ?? schema.default;
    if (typeof standard === "number" || typeof standard === "boolean") {
        return [JSON.stringify(standard), "", false];
    }
    switch (way.type) {
        case "object":
            return ["{", "}", way.properties !== undefined];
        case "array":
            return branches(way.items ?? {}, defs)[0]?.type === "string" ? ['["', '"]', false] : ["[", "]", false];
        case "integer":
        case "number":
            return [String(way.minimum ?? 0), "", false];
        case "boolean":
            return ["true", "", false];
        default:
            return ['"', '"', false];
    }
}
