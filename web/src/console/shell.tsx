/** The frame of every page: navigation, and the session. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import icon from "../shared/icon.svg";
import { Notice, ThemeChoice } from "../shared/parts";
import { useAction } from "./core/load";
import { here, href } from "./core/route";
import { reason, session, signOut } from "./core/session";
import { Failure } from "./parts/failure";
import { Icon, type IconName } from "./parts/icon";
import { Time } from "./parts/time";
import { SearchButton, Windows } from "./search/windows";

/** By what one comes for. The first group needs no name. */
const GROUPS: [title: string | undefined, places: [place: IconName, label: string][]][] = [
    [
        undefined,
        [
            ["overview", "Overview"],
            ["grants", "Grants"],
            ["imports", "Imports"],
            ["workspaces", "Workspaces"],
        ],
    ],
    [
        "Sign-in",
        [
            ["connectors", "Connectors"],
            ["redirects", "Redirect URIs"],
            ["branding", "Branding"],
        ],
    ],
    [
        "Developers",
        [
            ["keys", "API keys"],
            ["webhooks", "Webhooks"],
            ["requests", "Requests"],
        ],
    ],
    [
        "Administration",
        [
            ["domains", "Domains"],
            ["audit", "Audit trail"],
            ["settings", "Settings"],
        ],
    ],
];

export function Shell({ children }: { children: ComponentChildren }) {
    const [open, setOpen] = useState(false);
    const [at = "overview"] = here.value.parts;
    useEffect(() => setOpen(false), [here.value]);
    return (
        <div class="shell">
            <header class={open ? "rail open" : "rail"}>
                <button type="button" class="skip button" onClick={() => document.getElementById("main")?.focus()}>
                    Skip to the page
                </button>
                <div class="rail-head">
                    <a class="brand" href="#/">
                        <img src={icon} alt="" width="22" height="22" />
                        <span>
                            OpenGrant <span class="soft">console</span>
                        </span>
                    </a>
                    <button
                        type="button"
                        class="button plain menu-button"
                        aria-expanded={open}
                        aria-controls="menu"
                        onClick={() => setOpen(!open)}
                    >
                        <Icon name={open ? "cross" : "menu"} />
                        Menu
                    </button>
                </div>
                <div id="menu" class="rail-body">
                    <SearchButton />
                    <nav aria-label="Console">
                        {GROUPS.map(([title, places]) => (
                            <div key={title}>
                                {title && (
                                    <p class="rail-title" id={`places-${title}`}>
                                        {title}
                                    </p>
                                )}
                                <ul aria-labelledby={title && `places-${title}`}>
                                    {places.map(([place, label]) => (
                                        <li key={place}>
                                            <a
                                                href={href(place === "overview" ? [] : [place])}
                                                aria-current={at === place ? "page" : undefined}
                                                onClick={() => setOpen(false)}
                                            >
                                                <Icon name={place} />
                                                {label}
                                            </a>
                                        </li>
                                    ))}
                                    {title === "Developers" && (
                                        <li>
                                            <a href="/reference">
                                                <Icon name="away" />
                                                API reference
                                            </a>
                                        </li>
                                    )}
                                </ul>
                            </div>
                        ))}
                    </nav>
                    <Who />
                </div>
            </header>
            <main id="main" tabIndex={-1}>
                <Told />
                {children}
            </main>
            <Windows />
        </div>
    );
}

/** The result of a link that was opened here. */
function Told() {
    const told = reason.value;
    return told ? (
        <Notice tone="warn">
            <p>{told.text} You are still signed in, with the session that you had.</p>
            <button
                type="button"
                class="button"
                onClick={() => {
                    reason.value = undefined;
                }}
            >
                Go on
            </button>
        </Notice>
    ) : null;
}

function Who() {
    const out = useAction(signOut);
    const who = session.value;
    if (!who) {
        return null;
    }
    return (
        <section class="who" aria-label="Your session">
            <p class="who-name" title={who.application_id}>
                {who.application_name}
            </p>
            <p class="soft small">
                {who.kind === "link" ? "Operator, by one-time link" : "Signed in with an API key"}
                <br />
                Ends <Time at={who.expires_at} />, or {Math.round(who.idle_seconds / 60)} min after last use
            </p>
            <Failure problem={out.problem} />
            <div class="who-end">
                <ThemeChoice />
                <button type="button" class="button plain" disabled={out.busy} onClick={() => void out.run()}>
                    Sign out
                </button>
            </div>
        </section>
    );
}
