/** Mailboxes are loaded when one is opened. */

import { lazy } from "../parts/lazy";

export const MailboxPage = lazy<{ grant: string }>(
    () => import("./mailbox").then(({ Mailbox }) => Mailbox),
    "the mailbox",
);
