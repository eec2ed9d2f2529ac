/** The theme: light, dark or the system's. Stored in this browser, applied before the first paint. */

export type Theme = "light" | "dark" | "auto";

const KEY = "opengrant-theme";

export function chosenTheme(): Theme {
    try {
        const kept = localStorage.getItem(KEY);
        return kept === "light" || kept === "dark" ? kept : "auto";
    } catch {
        return "auto"; // without storage the page still works
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
