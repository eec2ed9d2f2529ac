/**
 * Addresses within the page, behind `#`, so that they never reach the server:
 *
 *     #/                                                       the introduction
 *     #/operation/connect_custom/imap                          an operation, with a variant of its body
 *     #/operation/connect_custom/imap?field=body.settings.imap_port    one of its fields
 */

import { useHashLocation } from "wouter-preact/use-hash-location";

export interface Place {
    /** Of the operation; empty elsewhere. */
    id: string;
    variant: string | undefined;
    field: string | undefined;
    /** Of the introduction. */
    section: string | undefined;
}

export function usePlace(): Place {
    const [location] = useHashLocation();
    const [path = "", query = ""] = location.split("?", 2);
    const [, kind, id = "", variant] = path.split("/").map(decoded);
    const isOperation = kind === "operation";
    return {
        id: isOperation ? id : "",
        variant: (isOperation && variant) || undefined,
        field: new URLSearchParams(query).get("field") ?? undefined,
        section: isOperation ? undefined : kind || undefined,
    };
}

export function address(id: string, variant?: string, field?: string): string {
    const path = ["", "operation", id, ...(variant ? [variant] : [])].map(encodeURIComponent).join("/");
    return `#${path}${field ? `?field=${encodeURIComponent(field)}` : ""}`;
}

/** An address with broken encoding is used as it is. */
function decoded(part: string): string {
    try {
        return decodeURIComponent(part);
    } catch {
        return part;
    }
}
