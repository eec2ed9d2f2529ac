/** Replaces a page that needs an operator's session. */

import { Notice } from "../../shared/parts";
import { session } from "../core/session";
import { CopyLine } from "./secret";

export function OperatorOnly({ what }: { what: string }) {
    return (
        <Notice tone="accent">
            <h2 class="notice-title">This needs an operator’s session</h2>
            <p>
                You are signed in with an API key, and {what} reach beyond what a key may do. On the machine that
                OpenGrant runs on, ask for a one-time link and open it:
            </p>
            <CopyLine
                text={`opengrant console --application ${session.value?.application_id ?? "ID"}`}
                what="the command"
            />
        </Notice>
    );
}
