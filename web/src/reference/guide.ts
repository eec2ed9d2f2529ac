/** What holds for all operations: the introduction shows it, and the search finds it. */

export interface Section {
    id: string;
    title: string;
    /** Markdown. */
    text: string;
}

export const GUIDE: Section[] = [
    {
        id: "base-url",
        title: "Base URL",
        text: "The official Nylas SDKs work when you change the address of the API: `api_uri` in Python and Ruby, `apiUri` in Node and Java.",
    },
    {
        id: "authentication",
        title: "Authentication",
        text: "Send the API key of your application as a bearer token. A key has permissions; each operation says which one it needs.\n\nOperations under `/v3/admin` are signed by a service account instead. A few operations need no key; they say so.",
    },
    {
        id: "errors",
        title: "Errors",
        text: "An error is `{request_id, error: {type, message, provider_error}}`. The message says what to do. Programs should look at the type.\n\nWhen a provider refused something, `provider_error.opengrant` has the class, the reason and the remedy.",
    },
    {
        id: "request-ids",
        title: "Request ids",
        text: "Every answer has an `X-Request-Id`. The server's log has the same id in each line about the request.",
    },
    {
        id: "lists",
        title: "Lists and pages",
        text: "Lists take `limit`, and `offset` or `page_token`. If an answer has `next_cursor`, send it as `page_token` to get the next page.",
    },
    {
        id: "idempotency",
        title: "Sending a request twice",
        text: "Some operations take the header `Idempotency-Key`. With the same key and body, such an operation does its work once. For 24 hours a repeated request gets the first answer again.",
    },
];
