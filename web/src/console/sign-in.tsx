/** The sign-in: with an API key, or a link that the command line prints. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import icon from "../shared/icon.svg";
import { Notice, ThemeChoice } from "../shared/parts";
import { useAction } from "./core/load";
import { reason, signIn } from "./core/session";
import { Failure } from "./parts/failure";
import { TextField } from "./parts/field";
import { Form } from "./parts/form";
import { CopyLine } from "./parts/secret";

export function SignIn() {
    const heading = useRef<HTMLHeadingElement>(null);
    const [key, setKey] = useState("");
    const action = useAction(() => signIn({ api_key: key.trim() }));
    useLayoutEffect(() => {
        document.title = "Sign in · OpenGrant console";
        heading.current?.focus();
    }, []);
    const told = reason.value;
    return (
        <main class="sign-in">
            <header class="sign-in-head">
                <span class="brand">
                    <img src={icon} alt="" width="22" height="22" />
                    <span>
                        OpenGrant <span class="soft">console</span>
                    </span>
                </span>
                <ThemeChoice />
            </header>
            <h1 ref={heading} tabIndex={-1}>
                Sign in
            </h1>
            {told &&
                (told.problem ? (
                    <>
                        <p>{told.text}</p>
                        <Failure problem={told.problem} />
                    </>
                ) : (
                    <Notice>
                        <p>{told.text}</p>
                    </Notice>
                ))}
            <div class="ways">
                <section class="card way">
                    <h2>With an API key</h2>
                    <p class="soft">Opens the application of the key, with what the key may do.</p>
                    <Form action={action} submit="Sign in" under="Signing in">
                        <TextField
                            label="API key"
                            type="password"
                            value={key}
                            onValue={setKey}
                            placeholder="nyk_v0_…"
                            hint="It is sent once, to be exchanged for a session. This browser keeps no key."
                            required
                            mono
                        />
                    </Form>
                </section>
                <section class="card way">
                    <h2>With a one-time link</h2>
                    <p class="soft">
                        For operators: also manages API keys and domains. On the machine that runs OpenGrant:
                    </p>
                    <CopyLine text="opengrant console" what="the command" />
                    <p class="soft small">Open the link that it prints within five minutes. It works once.</p>
                </section>
            </div>
            <p class="soft small">
                A session ends eight hours after it began, half an hour after its last use, or when you sign out.{" "}
                <a href="/reference">API reference</a>
            </p>
        </main>
    );
}
