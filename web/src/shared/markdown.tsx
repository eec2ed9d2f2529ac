/** Renders the Markdown of descriptions in /openapi.json as elements: the CSP allows no markup from strings. */

import { type ComponentChildren, Fragment } from "preact";

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(([^)\s]+)\)/g;

/** Paragraphs, lists with `-`, lines that end in two spaces, **bold**, `code` and [links](url). */
export function Markdown({ text }: { text: string }) {
    return (
        <div class="prose">
            {text
                .trim()
                .split(/\n\s*\n/)
                .map((block, index) => (
                    <Block key={index} text={block} />
                ))}
        </div>
    );
}

/** One line of Markdown, without a block element. */
export function Inline({ text }: { text: string }) {
    return <>{inline(text)}</>;
}

/** The text without markup. */
export function plain(text: string): string {
    return text.replace(INLINE, (_, code, bold, label) => code ?? bold ?? label);
}

function Block({ text }: { text: string }) {
    const lines = text.split("\n");
    if (lines.every((line) => /^\s*-\s/.test(line) || /^\s{2,}\S/.test(line))) {
        const items = text.split(/^\s*-\s+/m).filter((item) => item.trim() !== "");
        return (
            <ul>
                {items.map((item, index) => (
                    <li key={index}>{inline(item.trim())}</li>
                ))}
            </ul>
        );
    }
    const broken = text.split(/ {2,}\n/);
    return (
        <p>
            {broken.map((line, index) => (
                <Fragment key={index}>
                    {index > 0 && <br />}
                    {inline(line)}
                </Fragment>
            ))}
        </p>
    );
}

function inline(text: string): ComponentChildren[] {
    const parts: ComponentChildren[] = [];
    let at = 0;
    for (const found of text.matchAll(INLINE)) {
        parts.push(text.slice(at, found.index));
        const [whole, code, bold, label, url] = found;
        if (code !== undefined) {
            parts.push(<code>{code}</code>);
        } else if (bold !== undefined) {
            parts.push(<strong>{inline(bold)}</strong>);
        } else if (label !== undefined && /^(https?:\/\/|\/|#)/.test(url ?? "")) {
            parts.push(<a href={url}>{label}</a>);
        } else {
            parts.push(whole);
        }
        at = found.index + whole.length;
    }
    parts.push(text.slice(at));
    return parts;
}
