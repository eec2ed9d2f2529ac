/** Reconnects the mailbox of a grant: sign in here, or a link for its owner. */

import { Dialog } from "../../shared/parts";
import { post } from "../core/api";
import { useLoad } from "../core/load";
import type { Grant, OwnerLinks } from "../core/wire";
import { Shown } from "../parts/loading";
import { CopyLine } from "../parts/secret";
import { lifetime, SignInProgress, useSignIn } from "./connect";

export function Reconnect({ grant, onDone, onClose }: { grant: Grant; onDone: () => void; onClose: () => void }) {
    const made = useLoad(() => post<OwnerLinks>("/v3/console/owner-links", { grant_ids: [grant.id] }), [grant.id]);
    const signIn = useSignIn(() => {
        onDone();
        onClose();
    });
    return (
        <Dialog title="Reconnect this mailbox" onClose={onClose}>
            <div class="form">
                <Shown of={made} what="the link">
                    {(found) =>
                        found.links[0] ? (
                            <>
                                <p>
                                    Send this link to the owner of <strong>{grant.email}</strong>. They sign in at their
                                    provider, and this grant works again with the id that it has. The link works for{" "}
                                    {lifetime(found)} and for this mailbox alone.
                                </p>
                                <CopyLine text={found.links[0].url} what="the reconnect link" />
                                <SignInProgress of={signIn} />
                            </>
                        ) : (
                            <p>{found.left_out[0]?.reason}</p>
                        )
                    }
                </Shown>
                <div class="form-end">
                    <button type="button" class="button" onClick={onClose}>
                        Close
                    </button>
                    {made.data?.links[0] && (
                        <button
                            type="button"
                            class="button primary"
                            disabled={signIn.opening}
                            onClick={() => signIn.open({ grant_id: grant.id })}
                        >
                            {signIn.waiting ? "Open the window again" : "Sign in here"}
                        </button>
                    )}
                </div>
            </div>
        </Dialog>
    );
}
