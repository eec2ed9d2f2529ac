/** A document that the server made, in a frame that runs no scripts, sends no forms and opens nothing. */

import { useEffect, useRef } from "preact/hooks";

interface Policy {
    createHTML: (html: string) => string;
}

interface WithTrustedTypes {
    trustedTypes?: { createPolicy: (name: string, policy: Policy) => Policy };
}

/** The only policy that the page's Content-Security-Policy permits, for these frames alone. */
const policy: Policy = (window as WithTrustedTypes).trustedTypes?.createPolicy("mail-frame", {
    createHTML: (html) => html,
}) ?? { createHTML: (html) => html };

export function HtmlFrame({
    html,
    title,
    class: looks,
    theme,
}: {
    html: string;
    title: string;
    class: string;
    /**
     * For a page of our own: it loads its stylesheets from our origin, is shown in this theme, and cannot be used, only
     * looked at. Without it the document has no origin.
     */
    theme?: "light" | "dark";
}) {
    const place = useRef<HTMLDivElement>(null);
    useEffect(() => {
        const frame = document.createElement("iframe");
        // Before the document: it counts from the start.
        frame.setAttribute("sandbox", theme ? "allow-same-origin" : "");
        frame.setAttribute("referrerpolicy", "no-referrer");
        frame.inert = theme !== undefined;
        frame.title = title;
        frame.srcdoc = policy.createHTML(html);
        // The document before stays in sight until this one is there.
        frame.addEventListener("load", () => {
            if (theme && frame.contentDocument) {
                paint(frame.contentDocument, theme);
            }
            while (frame.previousSibling) {
                frame.previousSibling.remove();
            }
        });
        place.current?.append(frame);
        return () => {
            if (!theme) {
                frame.remove();
            }
        };
    }, [html, theme]);
    return <div class={looks} ref={place} />;
}

/** Its stylesheets follow the system's theme, so their conditions are replaced by their outcome. */
function paint(document: Document, theme: "light" | "dark"): void {
    document.documentElement.style.colorScheme = theme;
    for (const sheet of document.styleSheets) {
        for (const rule of sheet.cssRules) {
            // Not instanceof: the frame has classes of its own.
            const media = "media" in rule ? (rule as CSSMediaRule).media : undefined;
            const wanted = /prefers-color-scheme:\s*(light|dark)/.exec(media?.mediaText ?? "")?.[1];
            if (media && wanted) {
                media.mediaText = wanted === theme ? "all" : "not all";
            }
        }
    }
}
