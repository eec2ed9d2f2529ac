/** Light, dark, or as the system says: remembered in this browser, applied before the page is drawn. */

export type Theme = "light" | "dark" | "auto";

const KEY = "opengrant-theme";

export function chosenTheme(): Theme {
    try {
        const kept = localStorage.getItem(KEY);
        return kept === "light" || kept === "dark" ? kept : "auto";
    } catch {
        return "auto"; // a browser that keeps nothing still shows the page
    }
}

export function applyTheme(theme: Theme): void {
    const root = document.documentElement;
    if (theme === "auto") {
        delete root.dataset.theme;
    } else {
        root.dataset.theme = theme;
    }
    try {
        if (theme === "auto") {
            localStorage.removeItem(KEY);
        } else {
            localStorage.setItem(KEY, theme);
        }
    } catch {
        // see above
    }
    window.dispatchEvent(new CustomEvent("themechange"));
}
