/** The search and the list of keys, loaded when one is first opened; and the box in the side bar that opens the search. */

import { useEffect } from "preact/hooks";
import { Icon } from "../parts/icon";
import { lazy } from "../parts/lazy";
import { followKeys, opened, SEARCH_KEYS } from "./open";

const Search = lazy<object>(() => import("./search").then(({ Search }) => Search), "the search");
const Shortcuts = lazy<object>(() => import("./shortcuts").then(({ Shortcuts }) => Shortcuts), "the shortcuts");

export function Windows() {
    useEffect(followKeys, []);
    return (
        <>
            {opened.value === "search" && <Search />}
            {opened.value === "keys" && <Shortcuts />}
        </>
    );
}

export function SearchButton() {
    return (
        <button
            type="button"
            class="search-button"
            aria-keyshortcuts="Control+K"
            onClick={() => {
                opened.value = "search";
            }}
        >
            <Icon name="search" />
            <span>Search</span>
            <kbd>{SEARCH_KEYS}</kbd>
        </button>
    );
}
