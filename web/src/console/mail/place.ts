/** What of a mailbox the address names. */

export const INBOX = "INBOX";
/** Instead of a folder's id. */
export const ALL = "*";

export const SHOWN = [
    ["", "All messages"],
    ["unread", "Unread"],
    ["starred", "Starred"],
    ["has_attachment", "With attachments"],
] as const;

export interface Place {
    folder: string;
    /** Words to search for. */
    words: string;
    /** One of SHOWN. */
    show: string;
    /** A message's id: it is shown in place of the list. */
    message: string | undefined;
    asHtml: boolean;
}

export function place(query: URLSearchParams): Place {
    return {
        folder: query.get("in") || INBOX,
        words: query.get("q") ?? "",
        show: query.get("show") ?? "",
        message: query.get("message") || undefined,
        asHtml: query.has("html"),
    };
}

/** As the query of an address; what is usual is left out. */
export function asQuery({ folder, words, show, message, asHtml }: Place) {
    return { in: folder === INBOX ? undefined : folder, q: words, show, message, html: asHtml || undefined };
}
