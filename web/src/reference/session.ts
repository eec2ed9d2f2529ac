/** The console's session counts here too: who is signed in there can call without typing a key. */

import { signal } from "@preact/signals";
import { isObject } from "../shared/json";
import { send } from "../shared/send";
import { type Access, isOpen } from "./operations";

export interface Session {
    application: string;
    permissions: string[];
    operator: boolean;
}

/** undefined: not known yet, or not signed in. Its cookie cannot be read by scripts. */
export const session = signal<Session | undefined>(undefined);

/** Pages of other origins cannot send this header, so that they cannot use the cookie. */
export const PROOF: [string, string] = ["X-OpenGrant-Console", "1"];

const CURRENT = "/v3/console/sessions/current";

export async function findSession(): Promise<void> {
    try {
        const { json } = await send({ method: "GET", url: CURRENT, headers: [PROOF], session: true });
        session.value = read(isObject(json) ? json.data : undefined);
    } catch {
        session.value = undefined; // the page works without
    }
}

function read(data: unknown): Session | undefined {
    if (!isObject(data) || typeof data.application_name !== "string" || !Array.isArray(data.permissions)) {
        return undefined;
    }
    return {
        application: data.application_name,
        permissions: data.permissions.filter((one) => typeof one === "string"),
        operator: data.operator === true,
    };
}

/** By which credential the page would make a call. A key that has been typed wins. */
export type Credential = "none" | "key" | "session" | "missing" | "not here";

export function credentialFor(access: Access, key: string, signedIn: Session | undefined): Credential {
    if (isOpen(access)) {
        return "none";
    }
    if (access.key && key !== "") {
        return "key";
    }
    if (access.session && signedIn !== undefined && (!access.operator || signedIn.operator)) {
        return "session";
    }
    return access.key ? "missing" : "not here";
}
