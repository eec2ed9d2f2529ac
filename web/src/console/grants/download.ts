/** Files that the console saves. */

import type { Query } from "../core/api";
import { Problem } from "../core/api";

/** Saves what the API answers: a link cannot, because requests of the console need its header. */
export async function download(path: string, query: Query, name: string): Promise<void> {
    const asked = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) {
        if (value !== undefined && value !== "") {
            asked.set(key, String(value));
        }
    }
    let answer: Response;
    let file: Blob;
    try {
        answer = await fetch(`${path}?${asked}`, { headers: { "X-OpenGrant-Console": "1" } });
        file = await answer.blob();
    } catch {
        throw new Problem("The file did not arrive completely. Try again.", 0, "unreachable");
    }
    if (!answer.ok) {
        throw new Problem(
            `The server answered ${answer.status}. Reload the page, then try again.`,
            answer.status,
            "console",
        );
    }
    save(file, name);
}

export function save(file: Blob, name: string): void {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
