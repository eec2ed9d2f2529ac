/** Line drawings on a grid of 24, in the colour of the text. They repeat the text, so screen readers skip them. */

const DRAWINGS = {
    overview: "M4 20V11M10 20V5M16 20v-6M22 20H2",
    grants: "M3 6h18v12H3zM3 7l9 7 9-7",
    imports: "M12 3v11M7.5 9.5L12 14l4.5-4.5M4 16v4h16v-4",
    connectors: "M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4",
    webhooks: "M6 17v-6a6 6 0 0 1 12 0v6l2 2.5H4zM10 22h4M12 5V3",
    keys: "M15.5 4a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM12.3 11.7L4 20M7.5 16.5l2.5 2.5",
    domains: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18",
    audit: "M6 3h9l4 4v14H6zM9 11h7M9 15h7M9 7h3",
    workspaces: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
    branding:
        "M12 3a9 9 0 1 0 0 18c1.6 0 2-1 1.6-2-.6-1.6.2-3 2-3H18a3 3 0 0 0 3-3c0-5.5-4-10-9-10zM7.5 11v.1M11 7v.1M15.5 8v.1",
    redirects: "M4 5v6a4 4 0 0 0 4 4h12M15 10l5 5-5 5",
    requests: "M4 5h16M4 10h9M4 15h6M16 12a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM18.6 18.1L21.5 21",
    settings:
        "M4 7h10M18 7h2M4 17h2M10 17h10M16 4.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5zM8 14.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
    search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.3 15.3L20.5 20.5",
    ok: "M5 12.5l4.5 4.5L19 7",
    cross: "M6 6l12 12M18 6L6 18",
    warning: "M12 4L2.5 20h19zM12 10v4.5M12 17.2v.1",
    skip: "M5 12h14",
    refresh: "M20 11a8 8 0 0 0-14.5-4.2L3 9M3 4v5h5M4 13a8 8 0 0 0 14.5 4.2L21 15M21 20v-5h-5",
    clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.5 2",
    person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20a7.5 7.5 0 0 1 15 0",
    shield: "M12 3l8 3v6c0 4.5-3.4 7.6-8 9-4.6-1.4-8-4.5-8-9V6z",
    pencil: "M4 20l1-5L16 4l4 4L9 19z",
    eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
    dot: "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
    away: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
    menu: "M4 7h16M4 12h16M4 17h16",
    star: "M12 3.5l2.6 5.4 5.9.8-4.3 4.1 1 5.9-5.2-2.8-5.2 2.8 1-5.9-4.3-4.1 5.9-.8z",
    clip: "M20 11l-8.5 8.5a5 5 0 0 1-7-7L13 4a3.3 3.3 0 0 1 4.7 4.7l-8.4 8.4a1.7 1.7 0 0 1-2.4-2.4L14.5 7",
    lock: "M5 10.5h14V20H5zM8 10.5V8a4 4 0 0 1 8 0v2.5",
} as const;

export type IconName = keyof typeof DRAWINGS;

export function Icon({ name }: { name: IconName }) {
    return (
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
            <path d={DRAWINGS[name]} />
        </svg>
    );
}
