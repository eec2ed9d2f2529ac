/** Addresses, files and sizes in words. */

import type { Attachment, MailAddress, Message } from "../core/wire";

/** Names where the message has them, else addresses. */
export function named(addresses: MailAddress[] | undefined): string {
    return (addresses ?? []).map(({ name, email }) => name || email).join(", ");
}

/** Names and addresses. */
export function inFull(addresses: MailAddress[] | undefined): string {
    return (addresses ?? []).map(({ name, email }) => (name ? `${name} <${email}>` : email)).join(", ");
}

/** What was attached to be kept: images that the text shows are left out. */
export function files({ attachments }: Message): Attachment[] {
    return (attachments ?? []).filter(({ is_inline }) => !is_inline);
}

export function size(bytes: number): string {
    const units = ["bytes", "KB", "MB", "GB"];
    let [value, unit] = [bytes, 0];
    while (value >= 1000 && unit < units.length - 1) {
        value /= 1000;
        unit += 1;
    }
    return `${value.toLocaleString("en", { maximumFractionDigits: unit && value < 10 ? 1 : 0 })} ${units[unit]}`;
}
