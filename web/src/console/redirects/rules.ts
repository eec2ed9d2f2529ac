/** What a redirect URI must look like, in words, while it is typed. The server has the last word. */

import type { RedirectUri } from "../core/wire";

export type Platform = RedirectUri["platform"];

interface PlatformFacts {
    name: string;
    means: string;
    /** Links such as com.example.app://path are possible. */
    links: boolean;
    placeholder: string;
    settings: { name: string; label: string; required: boolean; placeholder: string; hint?: string }[];
}

export const PLATFORMS: Record<Platform, PlatformFacts> = {
    web: {
        name: "Web",
        means: "A web application with a server that keeps the API key.",
        links: false,
        placeholder: "https://app.example.com/callback",
        settings: [],
    },
    js: {
        name: "JavaScript",
        means: "A page that exchanges the code in the browser, with PKCE and without the API key.",
        links: false,
        placeholder: "https://app.example.com/callback",
        settings: [
            {
                name: "origin",
                label: "Origin",
                required: true,
                placeholder: "https://app.example.com",
                hint: "The page that calls from the browser: scheme and host, without a path.",
            },
        ],
    },
    desktop: {
        name: "Desktop",
        means: "A program on the user’s computer.",
        links: true,
        placeholder: "http://localhost:8400/callback or myapp://callback",
        settings: [],
    },
    ios: {
        name: "iOS",
        means: "An app on iPhone or iPad.",
        links: true,
        placeholder: "com.example.app://callback",
        settings: [
            { name: "bundle_id", label: "Bundle ID", required: true, placeholder: "com.example.app" },
            { name: "app_store_id", label: "App Store ID", required: false, placeholder: "1234567890" },
            { name: "team_id", label: "Team ID", required: false, placeholder: "A1B2C3D4E5" },
        ],
    },
    android: {
        name: "Android",
        means: "An app on Android.",
        links: true,
        placeholder: "com.example.app://callback",
        settings: [
            { name: "package_name", label: "Package name", required: true, placeholder: "com.example.app" },
            {
                name: "sha1_certificate_fingerprint",
                label: "SHA-1 certificate fingerprint",
                required: true,
                placeholder: "AB:CD:EF:…",
            },
        ],
    },
};

export const PLATFORM_NAMES = Object.keys(PLATFORMS) as Platform[];

const LOCAL = new Set(["localhost", "127.0.0.1"]);
const CHARACTERS = /^[A-Za-z0-9._~:/?[\]@!$&'()*+,;=%-]*$/;
const OURS = new Set("code state error error_description error_uri error_code admin_consent tenant".split(" "));
/** Schemes that run or show something instead of opening an app. */
const NO_APPS = new Set(
    (
        "about blob chrome data file filesystem ftp intent javascript mailto resource sms tel vbscript view-source" +
        " ws wss"
    ).split(" "),
);

/** What is wrong with the URL; undefined for a good one, and for none yet. */
export function urlProblem(url: string, platform: Platform): string | undefined {
    if (url === "") {
        return undefined;
    }
    if (url.length > 2048) {
        return "At most 2048 characters.";
    }
    if (url.includes("#")) {
        return "Remove the part from # on: the code would become part of it.";
    }
    if (!CHARACTERS.test(url)) {
        return "Percent-encode spaces and letters outside of ASCII.";
    }
    const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(url)?.[1]?.toLowerCase();
    if (scheme === undefined) {
        return "Write the whole address, with https:// in front.";
    }
    if (scheme !== "https" && scheme !== "http") {
        return linkProblem(url, scheme, platform);
    }
    let parts: URL;
    try {
        parts = new URL(url);
    } catch {
        return "Its host or port is not valid.";
    }
    if (parts.username || parts.password || /^[^/?]*\/\/[^/?]*@/.test(url)) {
        return "Remove the user name in front of @.";
    }
    if (scheme === "http" && !LOCAL.has(parts.hostname)) {
        return "Use https. Only localhost and 127.0.0.1 may use http.";
    }
    return queryProblem(url);
}

function linkProblem(url: string, scheme: string, platform: Platform): string | undefined {
    if (!PLATFORMS[platform].links) {
        return "Use https. Only apps for iOS, Android and desktops may have a scheme of their own.";
    }
    if (NO_APPS.has(scheme) || !url.slice(scheme.length).startsWith("://")) {
        return "Write a link into an app as com.example.app://path.";
    }
    return queryProblem(url);
}

function queryProblem(url: string): string | undefined {
    const taken = [...new URLSearchParams(url.split("?")[1]?.replaceAll(";", "&"))]
        .map(([name]) => name.toLowerCase())
        .find((name) => OURS.has(name));
    return taken && `Its query cannot contain “${taken}”: OpenGrant adds that.`;
}

/** What to know about a good URL. */
export function urlNote(url: string): string | undefined {
    if (/^http:/i.test(url)) {
        return "Works only on the user’s own computer: for development and desktop programs.";
    }
    return undefined;
}

export function settingProblem(name: string, value: string): string | undefined {
    if (name !== "origin" || value === "") {
        return undefined;
    }
    const found = /^(https?):\/\/([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?\/?$/i.exec(value);
    if (!found) {
        return "Write an origin as https://app.example.com, without a path.";
    }
    return found[1]?.toLowerCase() === "http" && !LOCAL.has(found[2]?.toLowerCase() ?? "")
        ? "Use https. Only localhost and 127.0.0.1 may use http."
        : undefined;
}
