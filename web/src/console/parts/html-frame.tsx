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
    ours = false,
}: {
    html: string;
    title: string;
    class: string;
    /**
     * A page of our own, which loads its stylesheets from our origin. It cannot be used, only looked at. Without it the
     * document has no origin.
     */
    ours?: boolean;
}) {
    const place = useRef<HTMLDivElement>(null);
    useEffect(() => {
        const frame = document.createElement("iframe");
        // Before the document: it counts from the start.
        frame.setAttribute("sandbox", ours ? "allow-same-origin" : "");
        frame.setAttribute("referrerpolicy", "no-referrer");
        frame.inert = ours;
        frame.title = title;
        frame.srcdoc = policy.createHTML(html);
        // The document before stays in sight until this one is there.
        frame.addEventListener("load", () => {
            while (frame.previousSibling) {
                frame.previousSibling.remove();
            }
        });
        place.current?.append(frame);
        return () => {
            if (!ours) {
                frame.remove();
            }
        };
    }, [html]);
    return <div class={looks} ref={place} />;
}
