/** A document of the server's, in a frame that runs no scripts, sends no forms, opens nothing and has no origin. */

import { useEffect, useRef } from "preact/hooks";

interface Policy {
    createHTML: (html: string) => string;
}

interface WithTrustedTypes {
    trustedTypes?: { createPolicy: (name: string, policy: Policy) => Policy };
}

/** The only policy that the page's Content-Security-Policy permits, for this frame alone. */
const policy: Policy = (window as WithTrustedTypes).trustedTypes?.createPolicy("mail-frame", {
    createHTML: (html) => html,
}) ?? { createHTML: (html) => html };

export function HtmlFrame({ html }: { html: string }) {
    const place = useRef<HTMLDivElement>(null);
    useEffect(() => {
        const frame = document.createElement("iframe");
        // Before the document: it counts from the start.
        frame.setAttribute("sandbox", "");
        frame.setAttribute("referrerpolicy", "no-referrer");
        frame.title = "The message as HTML";
        frame.srcdoc = policy.createHTML(html);
        place.current?.append(frame);
        return () => frame.remove();
    }, [html]);
    return <div class="card mail-frame" ref={place} />;
}
