/** Formats numbers and times. */

/** "412 B", "3.1 KB", "2.0 MB". */
export function bytes(count: number): string {
    if (count < 1000) {
        return `${count} B`;
    }
    return count < 1_000_000 ? `${(count / 1000).toFixed(1)} KB` : `${(count / 1_000_000).toFixed(1)} MB`;
}

/** "85 ms", "1.2 s". */
export function milliseconds(ms: number): string {
    return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}
