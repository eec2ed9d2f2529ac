/** The bar at the top: the name, the API key, the theme. */

import { useId, useState } from "preact/hooks";
import icon from "../../shared/icon.svg";
import { ThemeChoice } from "../../shared/parts";
import { session } from "../session";
import { apiKey } from "../state";

export const KEY_FIELD = "api-key";

export function Header({ version, onSearch }: { version: string; onSearch: () => void }) {
    return (
        <header class="bar">
            <a class="brand" href="#/">
                <img src={icon} alt="" width="22" height="22" />
                <span>
                    OpenGrant <span class="brand-what">API reference</span>
                </span>
                <span class="version">{version}</span>
            </a>
            <button type="button" class="button bar-search" onClick={onSearch}>
                Search
            </button>
            <KeyField />
            <nav class="bar-links" aria-label="Elsewhere">
                <a href="/console">Console</a>
                <a href="/openapi.json">openapi.json</a>
            </nav>
            <ThemeChoice />
        </header>
    );
}

function KeyField() {
    const [seen, setSeen] = useState(false);
    const hint = useId();
    const signedIn = session.value;
    return (
        <div class="key">
            <label for={KEY_FIELD}>API key</label>
            <span class="key-box">
                <input
                    id={KEY_FIELD}
                    class="input"
                    type={seen ? "text" : "password"}
                    autocomplete="off"
                    spellcheck={false}
                    placeholder={signedIn ? `Not needed: signed in to ${signedIn.application}` : "nyk_v0_…"}
                    aria-describedby={hint}
                    value={apiKey.value}
                    onInput={(event) => {
                        apiKey.value = event.currentTarget.value.trim();
                    }}
                />
                <button
                    type="button"
                    class="button plain"
                    aria-pressed={seen}
                    aria-label="Show the API key"
                    onClick={() => setSeen(!seen)}
                >
                    {seen ? "Hide" : "Show"}
                </button>
            </span>
            <span id={hint} class="key-hint">
                {signedIn
                    ? "Your session of the console makes the calls. A key typed here is used instead."
                    : "Kept in the memory of this tab only. It is gone when you reload."}
            </span>
        </div>
    );
}
