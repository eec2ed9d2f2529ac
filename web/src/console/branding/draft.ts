/** The branding as the form holds it: every field as text. And what is wrong with it. */

import type { Details } from "../core/wire";

export interface Draft {
    name: string;
    icon_url: string;
    website_url: string;
    description: string;
    title: string;
    subtitle: string;
    alignment: string;
    color_primary: string;
    color_secondary: string;
    background_color: string;
    background_image_url: string;
    spacing: string;
    terms_of_service_url: string;
    privacy_policy_url: string;
}

export type Name = keyof Draft;
export type Problems = Partial<Record<Name, string>>;

const OF_BRANDING: readonly Name[] = ["name", "icon_url", "website_url", "description"];
const OF_PAGES: readonly Name[] = [
    "title",
    "subtitle",
    "alignment",
    "color_primary",
    "color_secondary",
    "background_color",
    "background_image_url",
    "spacing",
    "terms_of_service_url",
    "privacy_policy_url",
];
export const NAMES: readonly Name[] = [...OF_BRANDING, ...OF_PAGES];

/** Characters of a picture as a data: URL. */
export const LARGEST_PICTURE = 100_000;

export interface Body {
    branding: Record<string, string>;
    hosted_authentication: Record<string, string | number>;
}

export function draftOf(details: Details): Draft {
    const members = { ...details.branding, ...details.hosted_authentication };
    return Object.fromEntries(NAMES.map((name) => [name, String(members[name] ?? "")])) as unknown as Draft;
}

/** Each part is replaced as a whole, so all that is set is sent. */
export function bodyOf(draft: Draft): Body {
    const part = (names: readonly Name[]): Record<string, string> =>
        Object.fromEntries(
            names.map((name) => [name, draft[name].trim()] as const).filter(([, value]) => value !== ""),
        );
    const { spacing, ...hosted } = part(OF_PAGES);
    return {
        branding: part(OF_BRANDING),
        hosted_authentication: spacing === undefined ? hosted : { ...hosted, spacing: Number(spacing) },
    };
}

const COLOUR = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i;
const COLOURS: readonly Name[] = ["color_primary", "color_secondary", "background_color"];
const LINKS: readonly Name[] = ["website_url", "terms_of_service_url", "privacy_policy_url"];
const PICTURES: readonly Name[] = ["icon_url", "background_image_url"];

export function problemsOf(draft: Draft): Problems {
    const found: Problems = {};
    for (const name of NAMES) {
        const value = draft[name].trim();
        const problem = value === "" ? undefined : problemOf(name, value);
        if (problem) {
            found[name] = problem;
        }
    }
    return found;
}

function problemOf(name: Name, value: string): string | undefined {
    if (COLOURS.includes(name)) {
        return COLOUR.test(value) ? undefined : "Write a colour as #2f55d4 or #25d.";
    }
    if (LINKS.includes(name)) {
        return isUrl(value, /^https?:\/\//i) ? undefined : "Write a whole address, with https:// in front.";
    }
    if (PICTURES.includes(name)) {
        if (value.length > LARGEST_PICTURE) {
            return `The picture is too large: at most ${LARGEST_PICTURE.toLocaleString("en")} characters as a data: URL.`;
        }
        return value.startsWith("data:image/") || isUrl(value, /^https:\/\//i)
            ? undefined
            : "Upload a picture, or write an address with https:// in front.";
    }
    if (name === "spacing") {
        const pixels = Number(value);
        return Number.isInteger(pixels) && pixels >= 0 && pixels <= 256 ? undefined : "A whole number from 0 to 256.";
    }
    const longest = name === "subtitle" || name === "description" ? 1000 : 256;
    return value.length > longest ? `At most ${longest.toLocaleString("en")} characters.` : undefined;
}

function isUrl(value: string, start: RegExp): boolean {
    return start.test(value) && !/[\s"'<>\\^`{|}]/.test(value) && URL.canParse(value);
}

/** The field that an error of the API is about: "hosted_authentication.title: should be …". */
export function fieldOf(message: string): [Name, string] | undefined {
    const found = /^(?:branding|hosted_authentication)\.(\w+):? (.*)$/s.exec(message);
    const name = found?.[1] as Name | undefined;
    return found?.[2] && name && NAMES.includes(name) ? [name, found[2]] : undefined;
}
