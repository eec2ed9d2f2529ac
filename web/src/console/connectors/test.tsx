/** Runs the connector check and shows each step. */

import { useState } from "preact/hooks";
import { Badge, Loading, Notice, type Tone } from "../../shared/parts";
import { path, post } from "../core/api";
import { useAction } from "../core/load";
import type { Provider, TrialResult, TrialStep } from "../core/wire";
import { plain } from "../core/words";
import { Failure } from "../parts/failure";
import { Icon, type IconName } from "../parts/icon";
import { Section } from "../parts/page";

const LOOKS: Record<TrialStep["state"], [IconName, Tone, string]> = {
    ok: ["ok", "good", "OK"],
    warning: ["warning", "warn", "Warning"],
    failed: ["cross", "wrong", "Failed"],
    skipped: ["skip", "neutral", "Skipped"],
};

export function Test({ provider }: { provider: Provider }) {
    const [report, setReport] = useState<TrialResult>();
    const action = useAction(async () => {
        setReport(undefined);
        setReport(await post<TrialResult>(path`/v3/connectors/${provider.provider}/test`));
    });
    return (
        <Section
            title="Run test"
            note="Asks the provider with the stored settings. No mailbox is opened."
            actions={
                <button type="button" class="button primary" disabled={action.busy} onClick={() => void action.run()}>
                    {action.busy ? "Testing…" : report ? "Run again" : "Run test"}
                </button>
            }
        >
            {action.busy && <Loading what="Asking the provider" />}
            <Failure problem={action.problem} />
            {report && (
                <>
                    <ol class="card list report">
                        {report.steps.map((step) => (
                            <Step key={step.name} step={step} />
                        ))}
                    </ol>
                    <Notice tone={report.ok ? "good" : "wrong"}>
                        <p>
                            {report.ok
                                ? "The connector works."
                                : "The connector does not work yet. Fix the first failure: later checks often depend on it."}
                        </p>
                    </Notice>
                </>
            )}
        </Section>
    );
}

function Step({ step }: { step: TrialStep }) {
    const [icon, tone, word] = LOOKS[step.state];
    return (
        <li class={`moment ${tone}`}>
            <span class="moment-mark">
                <Icon name={icon} />
            </span>
            <div class="moment-body">
                <p class="row-head">
                    <strong>{plain(step.name)}</strong>
                    <Badge tone={tone}>{word}</Badge>
                </p>
                <p>{step.text}</p>
                {step.remedy && (
                    <p>
                        <strong>What to do:</strong> {step.remedy}
                    </p>
                )}
            </div>
        </li>
    );
}
