/** Connects a mailbox in place: hosted sign-in in a window of its own, or a link for the owner. */

import { useEffect, useState } from "preact/hooks";
import { Dialog, Notice } from "../../shared/parts";
import { get, post } from "../core/api";
import { useAction, useLoad } from "../core/load";
import { go, href } from "../core/route";
import type { Connector, OwnerLinks } from "../core/wire";
import { providerName } from "../core/words";
import { Failure } from "../parts/failure";
import { Choice, TextField } from "../parts/field";
import { Shown } from "../parts/loading";
import { CopyLine } from "../parts/secret";
import { awaitEnd, type Ended, failureOf, openSignIn, type Wanted } from "./sign-in";

/** Providers that an owner can sign in to, as the sign-in page has them. */
export const WITH_SIGN_IN = ["google", "microsoft", "icloud", "yahoo", "ews", "zoom", "imap"];

export function ConnectMailbox({ onClose }: { onClose: () => void }) {
    const connectors = useLoad((signal) => get<Connector[]>("/v3/connectors", { limit: 200 }, signal), []);
    return (
        <Dialog title="Connect a mailbox" onClose={onClose}>
            <Shown of={connectors} what="connectors">
                {(found) => {
                    const have: string[] = found.map(({ provider }) => provider);
                    const offered = WITH_SIGN_IN.filter((name) => have.includes(name));
                    return offered.length ? (
                        <Ask providers={offered} onClose={onClose} />
                    ) : (
                        <div class="form">
                            <p>
                                No mailbox can sign in yet: create a connector of its provider first. Then the provider
                                is offered here.
                            </p>
                            <div class="form-end">
                                <button type="button" class="button" onClick={onClose}>
                                    Cancel
                                </button>
                                <a class="button primary" href={href(["connectors"])}>
                                    Choose a provider
                                </a>
                            </div>
                        </div>
                    );
                }}
            </Shown>
        </Dialog>
    );
}

function Ask({ providers, onClose }: { providers: string[]; onClose: () => void }) {
    const only = providers.length === 1 ? providers[0] : undefined;
    const [provider, setProvider] = useState(only ?? "");
    const [address, setAddress] = useState("");
    const [links, setLinks] = useState<OwnerLinks>();
    const wanted: Wanted = {
        ...(provider ? { provider } : {}),
        ...(address.trim() ? { login_hint: address.trim() } : {}),
    };
    const signIn = useSignIn((id) => {
        onClose();
        go(["grants", id]);
    });
    const link = useAction(async () => setLinks(await post<OwnerLinks>("/v3/console/owner-links", wanted)));
    const changed = (set: (value: string) => void) => (value: string) => {
        set(value);
        setLinks(undefined); // it was for something else
    };
    return (
        <form
            class="form"
            onSubmit={(event) => {
                event.preventDefault();
                signIn.open(wanted);
            }}
        >
            <p>
                The owner of the mailbox signs in, in a separate window. Afterwards the window closes and the new grant
                is shown here. If the owner is elsewhere, create a link and send it.
            </p>
            {!only && (
                <Choice
                    label="Provider"
                    value={provider}
                    onValue={changed(setProvider)}
                    options={[["", "Ask at sign-in"], ...providers.map((name) => [name, providerName(name)] as const)]}
                />
            )}
            <TextField
                label="Email address"
                value={address}
                onValue={changed(setAddress)}
                placeholder="owner@example.com"
                hint="Filled in on the sign-in page."
                maxLength={320}
            />
            {links && (
                <Notice>
                    <p>
                        Send this link to the owner of the mailbox. It works for {lifetime(links)}. When they sign in,
                        the grant appears here; your application gets <code>grant.created</code>.
                    </p>
                    {links.links.map(({ url }) => (
                        <CopyLine key={url} text={url} what="the link for the owner" />
                    ))}
                </Notice>
            )}
            <SignInProgress of={signIn} />
            <Failure problem={link.problem} />
            <div class="form-end">
                <button type="button" class="button plain" onClick={onClose}>
                    Cancel
                </button>
                <button type="button" class="button" disabled={link.busy} onClick={() => void link.run()}>
                    {link.busy ? "Creating…" : "Create a link"}
                </button>
                <button type="submit" class="button primary" disabled={signIn.opening}>
                    {signIn.waiting ? "Open the window again" : "Open sign-in"}
                </button>
            </div>
        </form>
    );
}

export interface SignIn {
    /** Call it while a click is handled. */
    open: (wanted: Wanted) => void;
    opening: boolean;
    waiting: boolean;
    failed: string | undefined;
    problem: ReturnType<typeof useAction>["problem"];
}

/** A sign-in that this page waits for. onGrant: receives the id of the grant. */
export function useSignIn(onGrant: (id: string) => void): SignIn {
    const [state, setState] = useState<string>();
    const [ended, setEnded] = useState<Ended>();
    const action = useAction(async (wanted: Wanted) => {
        setEnded(undefined);
        setState(undefined);
        setState(await openSignIn(wanted));
    });
    useEffect(() => {
        if (state === undefined) {
            return;
        }
        return awaitEnd(state, (ended) => {
            setState(undefined);
            if (ended.grant_id) {
                onGrant(ended.grant_id);
            } else {
                setEnded(ended);
            }
        });
    }, [state]);
    return {
        open: (wanted) => void action.run(wanted),
        opening: action.busy,
        waiting: state !== undefined,
        failed: ended && failureOf(ended),
        problem: action.problem,
    };
}

export function SignInProgress({ of: signIn }: { of: SignIn }) {
    return (
        <>
            <Failure problem={signIn.problem} />
            {signIn.failed && (
                <Notice tone="warn">
                    <p>{signIn.failed}</p>
                </Notice>
            )}
            {signIn.waiting && (
                <Notice>
                    <p>Waiting for the sign-in in the other window. It must be complete within 15 minutes.</p>
                </Notice>
            )}
        </>
    );
}

/** How long links work: "7 days". */
export function lifetime({ lasts_seconds }: OwnerLinks): string {
    return `${Math.round(lasts_seconds / 86_400)} days`;
}
