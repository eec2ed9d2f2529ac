/** The state of the page while it is open. Only the language of code is stored, in this browser. */

import { effect, type Signal, signal } from "@preact/signals";
import type { Answered } from "../shared/send";
import type { Operation, Variant } from "./operations";
import { isLanguage, type Language } from "./samples/languages";

export const apiKey = signal("");
export const shown = signal(false);
/** Whether the panel of the request shows the form to try it, or code. */
export const trying = signal(false);

const LANGUAGE = "opengrant-reference-language";

export const language = signal<Language>(keptLanguage());
effect(() => {
    try {
        localStorage.setItem(LANGUAGE, language.value);
    } catch {
        // without storage the page still works
    }
});

function keptLanguage(): Language {
    try {
        const kept = localStorage.getItem(LANGUAGE) ?? "";
        return isLanguage(kept) ? kept : "curl";
    } catch {
        return "curl";
    }
}

/** `pending`: a request is under way, `control` aborts it. `failed`: a sentence. */
export type Outcome =
    | { state: "none" }
    | { state: "pending"; control: AbortController }
    | { state: "failed"; why: string }
    | { state: "answered"; answer: Answered };

const drafts = new Map<string, Signal<string>>();
const fields = new Map<string, Signal<Record<string, string>>>();
const outcomes = new Map<string, Signal<Outcome>>();

/** The body of each variant; initially the variant's example. */
export function draftOf(operation: Operation, variant: Variant): Signal<string> {
    return kept(drafts, `${operation.id}/${variant.slug}`, () => exampleText(variant));
}

export function exampleText(variant: Variant, index = 0): string {
    return JSON.stringify(variant.examples[index]?.value ?? {}, null, 2);
}

/** Parameters as typed, by `in:name`. */
export function fieldsOf(operation: Operation): Signal<Record<string, string>> {
    return kept(fields, operation.id, () => ({}));
}

/** The outcome of the last request of each variant. */
export function outcomeOf(operation: Operation, variant: Variant | undefined): Signal<Outcome> {
    return kept<Outcome>(outcomes, `${operation.id}/${variant?.slug ?? ""}`, () => ({ state: "none" }));
}

function kept<T>(from: Map<string, Signal<T>>, key: string, make: () => T): Signal<T> {
    let found = from.get(key);
    if (found === undefined) {
        found = signal(make());
        from.set(key, found);
    }
    return found;
}
