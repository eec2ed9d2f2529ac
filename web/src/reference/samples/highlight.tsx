/** Colours short pieces of code in any of the languages: strings, comments and keywords, by regular expressions. */

import type { ComponentChildren } from "preact";

const TOKEN =
    /(?<comment>^(?:#|\/\/).*$)|(?<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)|(?<word>\b(?:import|from|const|await|new|curl|print|True|False|None|true|false|null|nil|package|func|defer|if|return|require|puts|public|class|static|void|throws|var|echo)\b)|(?<number>\b\d+\b)/gm;

export function highlight(code: string): ComponentChildren[] {
    const parts: ComponentChildren[] = [];
    let at = 0;
    for (const found of code.matchAll(TOKEN)) {
        const kind = Object.entries(found.groups ?? {}).find(([, text]) => text !== undefined)?.[0];
        parts.push(code.slice(at, found.index), <span class={`code-${kind}`}>{found[0]}</span>);
        at = found.index + found[0].length;
    }
    parts.push(code.slice(at));
    return parts;
}
