/** Try it: fill in, send, see; and the same request as code. */

import { signal } from "@preact/signals";
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { parse } from "../../shared/json";
import { Inline } from "../../shared/markdown";
import { Dialog, Notice } from "../../shared/parts";
import { send } from "../../shared/send";
import type { Api, Operation, Variant } from "../operations";
import { ask, fieldKey, missing, type Typed } from "../request";
import { apiKey, draftOf, fieldsOf, type Outcome, outcomeOf } from "../state";
import { Body } from "./body";
import { KEY_FIELD } from "./header";
import { Inputs } from "./inputs";
import { OutcomeView } from "./outcome";
import { Samples } from "./samples";

const NO_BODY = signal("");
const SILENT =
    "No answer came: the server may be down, or this computer is offline. Whether the request arrived is not known.";

interface Part {
    api: Api;
    operation: Operation;
    variant: Variant | undefined;
}

export function Try({ api, operation, variant }: Part) {
    const draft = variant ? draftOf(operation, variant) : NO_BODY;
    const fields = fieldsOf(operation);
    const outcome = outcomeOf(operation, variant);
    const [wanting, setWanting] = useState<string[]>([]);
    const [complaint, setComplaint] = useState("");
    const [asking, setAsking] = useState(false);
    const panel = useRef<HTMLDivElement>(null);
    const heading = useId();
    const typed: Typed = {
        operation,
        variant,
        fields: fields.value,
        text: draft.value,
        key: apiKey.value,
    };

    /** Shows and focuses what is missing; true when the request can be sent. */
    const isReady = (): boolean => {
        const empty = missing(typed).map(fieldKey);
        setWanting(empty);
        if (empty.length > 0) {
            setComplaint("");
            requestAnimationFrame(() => panel.current?.querySelector<HTMLElement>("[aria-invalid]")?.focus());
            return false;
        }
        if (operation.access === "key" && apiKey.value === "") {
            setComplaint("Enter an API key first: the field at the top of the page has the focus now.");
            document.getElementById(KEY_FIELD)?.focus();
            return false;
        }
        if (variant && draft.value.trim() !== "" && parse(draft.value) === undefined) {
            setComplaint("The body is not valid JSON yet. Fix what the editor underlines, then send.");
            return false;
        }
        if (variant && operation.bodyRequired && draft.value.trim() === "") {
            setComplaint("This operation needs a body. “Reset” brings the example back.");
            return false;
        }
        setComplaint("");
        return true;
    };
    const perform = async () => {
        setAsking(false);
        const control = new AbortController();
        outcome.value = { state: "pending", control };
        outcome.value = await ended(ask(typed), control.signal);
        requestAnimationFrame(() => panel.current?.querySelector(".outcome")?.scrollIntoView({ block: "nearest" }));
    };
    const begin = () => {
        if (outcome.peek().state === "pending" || !isReady()) {
            return;
        }
        if (operation.method === "DELETE") {
            setAsking(true);
        } else {
            void perform();
        }
    };
    // They are about the old text.
    useEffect(() => setComplaint(""), [apiKey.value, draft.value]);
    const pending = outcome.value.state === "pending" ? outcome.value.control : undefined;
    const triable = operation.access === "key" || operation.access === "open";
    const sends = triable && !operation.leads;
    const address = useMemo(() => ask(typed).url, [typed.fields, operation]);
    return (
        <section id="try" class="try" aria-labelledby={heading} ref={panel}>
            <h2 id={heading} tabIndex={-1}>
                Try it
            </h2>
            <form
                class="card panel"
                onSubmit={(event) => {
                    event.preventDefault();
                    if (sends) {
                        begin();
                    }
                }}
                onKeyDown={(event) => {
                    // The editor has handled this key already.
                    if (sends && !event.defaultPrevented && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
                        event.preventDefault();
                        begin();
                    }
                }}
            >
                <div class="inputs">
                    <Inputs operation={operation} defs={api.defs} fields={fields} wanting={wanting} />
                </div>
                {variant && (
                    <Body operation={operation} variant={variant} defs={api.defs} draft={draft} onSend={begin} />
                )}
                {complaint && (
                    <p class="problem-line" role="alert">
                        {complaint}
                    </p>
                )}
                {!triable && <NotHere operation={operation} />}
                {triable && operation.leads && (
                    <div class="send-bar">
                        <Onward operation={operation} address={address} isReady={isReady} />
                    </div>
                )}
                {sends && (
                    <div class="send-bar">
                        <button
                            type="submit"
                            class={`button ${operation.method === "DELETE" ? "danger" : "primary"}`}
                            aria-disabled={pending !== undefined}
                            aria-keyshortcuts="Control+Enter Meta+Enter"
                        >
                            {pending ? "Sending…" : "Send"}
                        </button>
                        {pending && (
                            <button type="button" class="button plain" onClick={() => pending.abort()}>
                                Give up
                            </button>
                        )}
                        <code class="send-line">
                            {operation.method} {address}
                        </code>
                    </div>
                )}
            </form>
            <OutcomeView outcome={outcome.value} operation={operation} />
            {operation.access !== "session" && <Samples typed={typed} defs={api.defs} />}
            {asking && (
                <Dialog title="Send this deletion?" onClose={() => setAsking(false)}>
                    <p>
                        <code>DELETE {address}</code>
                    </p>
                    <p>
                        <Inline text={operation.summary} />. This is done for real, on this server.
                    </p>
                    <p class="dialog-buttons">
                        <button type="button" class="button" onClick={() => setAsking(false)}>
                            Keep it
                        </button>
                        <button type="button" class="button danger" onClick={perform}>
                            Send DELETE
                        </button>
                    </p>
                </Dialog>
            )}
        </section>
    );
}

async function ended(request: ReturnType<typeof ask>, signal: AbortSignal): Promise<Outcome> {
    try {
        return { state: "answered", answer: await send({ ...request, signal }) };
    } catch {
        return signal.aborted
            ? { state: "failed", why: "You gave up waiting. The server may still carry it out." }
            : { state: "failed", why: SILENT };
    }
}

function NotHere({ operation }: { operation: Operation }) {
    return operation.access === "signed" ? (
        <Notice>
            <p>
                This operation cannot be tried with an API key: its requests are <strong>signed requests</strong>, made
                by a service account whose private key never belongs in a browser. The SDKs sign for you; the code below
                shows how. <code>opengrant service-accounts create</code> makes an account; docs/admin.md has the rest.
            </p>
        </Notice>
    ) : (
        <Notice>
            <p>
                This operation is for the <a href="/console">console</a>, by its session. It cannot be tried with an API
                key.
            </p>
        </Notice>
    );
}

/** For operations that redirect a browser: fetch would leave this page's origin. */
function Onward({ operation, address, isReady }: { operation: Operation; address: string; isReady: () => boolean }) {
    return (
        <>
            <a
                class="button primary"
                href={address}
                target="_blank"
                rel="noopener noreferrer"
                onClick={(event) => {
                    if (!isReady()) {
                        event.preventDefault();
                    }
                }}
            >
                Open in a new tab
            </a>
            <span class="soft">
                {operation.method} {operation.path} is for a browser: it goes on to another page.
            </span>
        </>
    );
}
