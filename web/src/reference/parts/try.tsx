/** The panel of the request: as code, or as a form to try it. */

import { signal } from "@preact/signals";
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { parse } from "../../shared/json";
import { Inline } from "../../shared/markdown";
import { Dialog, Notice } from "../../shared/parts";
import { send } from "../../shared/send";
import type { Operation, Variant } from "../operations";
import { ask, fieldKey, missing, type Typed } from "../request";
import { type Credential, credentialFor, findSession, session } from "../session";
import { apiKey, draftOf, fieldsOf, type Outcome, outcomeOf, trying } from "../state";
import { Body } from "./body";
import { KEY_FIELD } from "./header";
import { Inputs } from "./inputs";
import { OutcomeView } from "./outcome";
import { Panel } from "./panel";
import { Samples } from "./samples";
import { Tabs } from "./tabs";

const NO_BODY = signal("");
const SILENT =
    "No answer came: the server may be down, or this computer is offline. Whether the request arrived is not known.";

interface Part {
    operation: Operation;
    variant: Variant | undefined;
}

export function RequestPanel({ operation, variant }: Part) {
    const [open, setOpen] = useState(trying.peek());
    const id = useId();
    const typed = typedFor(operation, variant);
    return (
        <Panel
            title="Request"
            class={trying.value ? "try-panel" : "code-panel"}
            open={open}
            onToggle={() => setOpen(!open)}
            bar={
                <Tabs
                    label="Request as"
                    tabs={MODES}
                    chosen={trying.value ? "try" : "code"}
                    panel={id}
                    onChoose={(mode) => {
                        trying.value = mode === "try";
                        setOpen(true);
                    }}
                />
            }
        >
            <div id={id} role="tabpanel" aria-label={trying.value ? "Try it" : "Code"}>
                {trying.value ? <Try operation={operation} variant={variant} /> : <Samples typed={typed} />}
            </div>
        </Panel>
    );
}

const MODES: { name: "code" | "try"; title: string }[] = [
    { name: "code", title: "Code" },
    { name: "try", title: "Try it" },
];

function typedFor(operation: Operation, variant: Variant | undefined): Typed {
    return {
        operation,
        variant,
        fields: fieldsOf(operation).value,
        text: (variant ? draftOf(operation, variant) : NO_BODY).value,
        key: apiKey.value,
        session: credentialFor(operation.access, apiKey.value, session.value) === "session",
    };
}

function Try({ operation, variant }: Part) {
    const draft = variant ? draftOf(operation, variant) : NO_BODY;
    const fields = fieldsOf(operation);
    const outcome = outcomeOf(operation, variant);
    const [wanting, setWanting] = useState<string[]>([]);
    const [complaint, setComplaint] = useState("");
    const [asking, setAsking] = useState(false);
    const panel = useRef<HTMLDivElement>(null);
    const typed = typedFor(operation, variant);
    const credential = credentialFor(operation.access, apiKey.value, session.value);

    /** Shows and focuses what is missing; true when the request can be sent. */
    const isReady = (): boolean => {
        const empty = missing(typed).map(fieldKey);
        setWanting(empty);
        if (empty.length > 0) {
            setComplaint("");
            requestAnimationFrame(() => panel.current?.querySelector<HTMLElement>("[aria-invalid]")?.focus());
            return false;
        }
        if (credential === "missing") {
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
        if (typed.session && outcome.value.state === "answered" && outcome.value.answer.status === 401) {
            void findSession(); // it may have ended
        }
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
    // It is about the old text, or of before it was known who is signed in.
    useEffect(() => setComplaint(""), [apiKey.value, draft.value, session.value]);
    const pending = outcome.value.state === "pending" ? outcome.value.control : undefined;
    const triable = credential !== "not here";
    const sends = triable && !operation.leads;
    const address = useMemo(() => ask(typed).url, [typed.fields, operation]);
    return (
        <div class="try" ref={panel}>
            <form
                class="try-form"
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
                    <Inputs operation={operation} defs={operation.defs} fields={fields} wanting={wanting} />
                </div>
                {variant && (
                    <Body operation={operation} variant={variant} defs={operation.defs} draft={draft} onSend={begin} />
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
                {sends && <ActsOn credential={credential} />}
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
            {asking && (
                <Dialog title="Send this deletion?" onClose={() => setAsking(false)}>
                    <p>
                        <code>DELETE {address}</code>
                    </p>
                    <p>
                        <Inline text={operation.name} />. The server deletes it for real.
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
        </div>
    );
}

/** Whose data the call is about, before it is sent. */
function ActsOn({ credential }: { credential: Credential }) {
    const signedIn = session.value;
    switch (credential) {
        case "session":
            return (
                <p class="acts-on">
                    The call is real. It acts on the application <strong>{signedIn?.application}</strong>, by your
                    session of the console.
                </p>
            );
        case "key":
            return <p class="acts-on">The call is real. It acts on the application of the API key.</p>;
        case "missing":
            return (
                <p class="acts-on">
                    <button type="button" class="link" onClick={() => document.getElementById(KEY_FIELD)?.focus()}>
                        Enter an API key
                    </button>{" "}
                    at the top of the page, or <a href="/console">sign in to the console</a>.
                </p>
            );
        default:
            return null;
    }
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
    const { signed, session: bySession } = operation.access;
    return (
        <Notice>
            {signed && (
                <p>
                    This call takes a request that is signed by a service account. Its private key does not belong in a
                    browser. The code shows how the SDKs sign; <code>opengrant service-accounts create</code> makes an
                    account.
                </p>
            )}
            {bySession && (
                <p>
                    To try it here, <a href="/console">sign in to the console</a>
                    {operation.access.operator && " with a link from opengrant console"}.
                </p>
            )}
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
