/** The colours of the editor, which are those of code. CSS variables reach into its shadow root. */

import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const theme = EditorView.theme({
    "&": {
        color: "var(--code-ink)",
        backgroundColor: "transparent",
        fontSize: "0.8125rem",
        minHeight: "8rem",
        maxHeight: "30rem",
        borderRadius: "0.5rem",
    },
    "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "1px" },
    ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6", overflow: "auto" },
    ".cm-content": { padding: "0.6rem 0", caretColor: "var(--ink)", minHeight: "7rem" },
    ".cm-gutters": { backgroundColor: "transparent", color: "var(--soft)", border: "0", paddingLeft: "0.2rem" },
    ".cm-cursor": { borderLeftColor: "var(--ink)" },
    "& > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground":
        { backgroundColor: "color-mix(in srgb, var(--accent) 28%, transparent)" },
    "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-sunken)", outline: "1px solid var(--accent)" },
    "&.cm-focused .cm-nonmatchingBracket": { backgroundColor: "var(--wrong-sunken)" },
    ".cm-lintRange": { backgroundImage: "none !important", paddingBottom: "0.1em" },
    ".cm-lintRange-error": { textDecoration: "underline wavy var(--wrong) 1.5px", textUnderlineOffset: "0.2em" },
    ".cm-lintRange-warning": { textDecoration: "underline wavy var(--warn) 1.5px", textUnderlineOffset: "0.2em" },
    ".cm-lintPoint-error::after": { borderBottomColor: "var(--wrong)" },
    ".cm-tooltip": {
        border: "1px solid var(--line)",
        borderRadius: "0.5rem",
        backgroundColor: "var(--raised)",
        color: "var(--ink)",
        boxShadow: "var(--shadow-l)",
        fontSize: "0.8125rem",
        lineHeight: "1.45",
        overflow: "hidden",
        zIndex: "50",
    },
    ".cm-tooltip .card": { maxWidth: "24rem", padding: "0.5rem 0.7rem", display: "grid", gap: "0.25rem" },
    ".cm-tooltip.cm-completionInfo": { padding: "0", whiteSpace: "normal", maxWidth: "20rem" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "16rem", minWidth: "14rem" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "0.25rem 0.6rem", lineHeight: "1.4" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": {
        backgroundColor: "var(--accent-sunken)",
        color: "var(--ink)",
    },
    ".cm-completionDetail": { color: "var(--soft)", fontStyle: "normal", fontFamily: "var(--sans)" },
    ".option-required .cm-completionLabel": { fontWeight: "700" },
    ".cm-completionMatchedText": { textDecoration: "none", color: "var(--accent)" },
    ".cm-diagnostic": { padding: "0.4rem 0.7rem", borderLeftWidth: "4px", fontFamily: "var(--sans)" },
    ".cm-diagnostic-error": { borderLeftColor: "var(--wrong)" },
    ".cm-diagnostic-warning": { borderLeftColor: "var(--warn)" },
    ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--ink)" },
});

const colours = HighlightStyle.define([
    { tag: tags.propertyName, color: "var(--code-key)" },
    { tag: tags.string, color: "var(--code-string)" },
    { tag: tags.number, color: "var(--code-number)" },
    { tag: [tags.bool, tags.null], color: "var(--code-word)" },
    { tag: tags.punctuation, color: "var(--code-soft)" },
]);

export const looks = [theme, syntaxHighlighting(colours)];
