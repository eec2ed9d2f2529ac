/** The setup guide of a provider: its page, the redirect URI, the scopes and their reasons. */

import { Badge, Copy } from "../../shared/parts";
import type { Provider } from "../core/wire";
import { Icon } from "../parts/icon";
import { Section } from "../parts/page";
import { CopyLine } from "../parts/secret";

export function Guide({ provider }: { provider: Provider }) {
    const { register_at, redirect_uri, scopes, steps } = provider;
    return (
        <Section
            title={provider.needs_client ? `Register your application at ${provider.name}` : "Requirements"}
            actions={
                register_at && (
                    <a class="button" href={register_at.url} target="_blank" rel="noreferrer">
                        {register_at.name}
                        <Icon name="away" />
                        <span class="visually-hidden">(opens another site)</span>
                    </a>
                )
            }
        >
            <div class="card padded guide">
                {steps.length > 0 && (
                    <ol class="steps">
                        {steps.map((step) => (
                            <li key={step}>{step}</li>
                        ))}
                    </ol>
                )}
                {redirect_uri && (
                    <div>
                        <h3>Redirect URI</h3>
                        <p class="soft">Register it exactly like this, to the last character.</p>
                        <CopyLine text={redirect_uri} what="the redirect URI" />
                    </div>
                )}
                {scopes.length > 0 && (
                    <div>
                        <div class="row-head">
                            <h3>Scopes</h3>
                            <Copy text={scopes.map(({ scope }) => scope).join("\n")} label="Copy all" what="scopes" />
                        </div>
                        <ul class="scope-list">
                            {scopes.map(({ scope, why, required }) => (
                                <li key={scope}>
                                    <code class="break">{scope}</code>
                                    <span class="soft">{why}</span>
                                    {required && <Badge tone="accent">Required</Badge>}
                                </li>
                            ))}
                        </ul>
                    </div>
                )}
            </div>
        </Section>
    );
}
