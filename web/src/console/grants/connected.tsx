/** Where a hosted sign-in of the console ends: tells the page that waits, and closes its window. */

import { useEffect, useState } from "preact/hooks";
import { Loading, Notice } from "../../shared/parts";
import { here, href, move } from "../core/route";
import { type Ended, failureOf, reportEnd, wasSameTab } from "./sign-in";

export function Connected() {
    const [ended] = useState(() => Object.fromEntries(here.value.query) as unknown as Ended);
    const [state, setState] = useState<"reporting" | "over" | "here" | "alone">("reporting");
    useEffect(() => {
        document.title = "Sign-in · OpenGrant console";
        if (wasSameTab(ended.state)) {
            if (ended.grant_id) {
                move(["grants", ended.grant_id]);
            } else {
                setState("here");
            }
            return;
        }
        return reportEnd(ended, (taken) => {
            if (taken) {
                window.close(); // does nothing if the browser does not allow it
            }
            setState(taken ? "over" : "alone");
        });
    }, []);
    return (
        <main class="waiting">
            <h1 class="visually-hidden">Sign-in</h1>
            {state === "reporting" ? (
                <Loading what="Returning to the console" />
            ) : (
                <Notice tone={ended.grant_id ? "good" : "warn"}>
                    {/* Only a sign-in that this tab began is trusted with its own words: others can write an address. */}
                    <p>
                        {ended.grant_id
                            ? "The mailbox is connected."
                            : state === "here"
                              ? failureOf(ended)
                              : "The sign-in has ended. No mailbox was connected."}
                    </p>
                    {state === "over" ? (
                        <p>You can close this window.</p>
                    ) : (
                        <a class="button" href={ended.grant_id ? href(["grants", ended.grant_id]) : href(["grants"])}>
                            {ended.grant_id ? "Open the grant" : "Go to the grants"}
                        </a>
                    )}
                </Notice>
            )}
        </main>
    );
}
