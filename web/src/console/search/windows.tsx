/** The search and the list of keys, loaded when one is first opened; and the box in the side bar that opens the search. */

import { useLayoutEffect } from "preact/hooks";
import { Icon } from "../parts/icon";
import { lazy } from "../parts/lazy";
import { followKeys, opened, openSearch, SEARCH_KEYS, searchFailed } from "./open";

const Search = lazy<object>(async () => {
    try {
        return (await import("./search")).Search;
    } catch (failure) {
        searchFailed();
        throw failure;
    }
}, "the search");
const Shortcuts = lazy<object>(() => import("./shortcuts").then(({ Shortcuts }) => Shortcuts), "the shortcuts");

export function Windows() {
    // The keys work as soon as the page is seen.
    useLayoutEffect(() => {
        const stop = followKeys();
        return () => {
            stop();
            opened.value = undefined; // of a session that has ended
        };
    }, []);
    return (
        <>
            {opened.value === "search" && <Search />}
            {opened.value === "keys" && <Shortcuts />}
        </>
    );
}

export function SearchButton() {
    return (
        <button type="button" class="search-button" aria-keyshortcuts="Control+K" onClick={openSearch}>
            <Icon name="search" />
            <span>Search</span>
            <kbd>{SEARCH_KEYS}</kbd>
        </button>
    );
}
