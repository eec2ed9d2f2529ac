/** The answer: status, time, size, help for an error, headers and body. */

import { bytes, milliseconds } from "../../shared/format";
import { isObject, type Json } from "../../shared/json";
import { JsonView } from "../../shared/json-view";
import { Inline } from "../../shared/markdown";
import { Badge, Copy, Notice } from "../../shared/parts";
import { Scrollable } from "../../shared/scrollable";
import type { Answered } from "../../shared/send";
import type { Operation } from "../operations";
import type { Outcome } from "../state";
import { errorTypes } from "./answers";

export function OutcomeView({ outcome, operation }: { outcome: Outcome; operation: Operation }) {
    return (
        <div class="outcome" aria-live="polite">
            {outcome.state === "failed" && <Notice tone="wrong">{outcome.why}</Notice>}
            {outcome.state === "pending" && <p class="loading">Waiting for the answer…</p>}
            {outcome.state === "answered" && <AnswerView answer={outcome.answer} operation={operation} />}
        </div>
    );
}

function AnswerView({ answer, operation }: { answer: Answered; operation: Operation }) {
    const good = answer.status < 400;
    const requestId = answer.headers.find(([name]) => name === "x-request-id")?.[1];
    return (
        <section aria-label="Answer">
            <p class="status-line">
                <Badge tone={good ? "good" : "wrong"}>
                    {answer.status} {answer.words}
                </Badge>
                <span>{milliseconds(answer.ms)}</span>
                <span>{bytes(answer.size)}</span>
                <span class="push" />
                <Copy text={pretty(answer)} what="the answer" />
            </p>
            {!good && <Advice answer={answer} operation={operation} />}
            {answer.json === undefined ? (
                <Scrollable label="Body of the answer">
                    <pre class="raw">{answer.text || "(no body)"}</pre>
                </Scrollable>
            ) : (
                <Scrollable label="Body of the answer" class="answer-body">
                    <JsonView value={answer.json} />
                </Scrollable>
            )}
            {requestId && (
                <p class="request-id">
                    Request id <code>{requestId}</code> <Copy text={requestId} what="the request id" />
                </p>
            )}
            <details class="optional">
                <summary>{answer.headers.length} headers</summary>
                <dl class="headers">
                    {answer.headers.map(([name, value]) => (
                        <div key={name}>
                            <dt>{name}</dt>
                            <dd>{value}</dd>
                        </div>
                    ))}
                </dl>
            </details>
        </section>
    );
}

function pretty(answer: Answered): string {
    return answer.json === undefined ? answer.text : JSON.stringify(answer.json, null, 2);
}

/** The documented meaning of the error, and who has to act. */
function Advice({ answer, operation }: { answer: Answered; operation: Operation }) {
    const body = isObject(answer.json) ? answer.json : {};
    // In OAuth answers `error` is the type, with `error_description` beside it.
    const error: Record<string, Json | undefined> = isObject(body.error)
        ? body.error
        : { type: body.error, message: body.error_description };
    const documented = operation.answers.find(({ status }) => status === answer.status)?.description ?? "";
    const meaning = errorTypes(documented).find(({ type }) => type !== "" && type === error.type)?.meaning;
    const said = isObject(error.provider_error) ? error.provider_error.opengrant : undefined;
    const message = typeof error.message === "string" ? error.message : undefined;
    // The message of a 400 already says what to change.
    const general = answer.status === 400 && message ? undefined : meaning;
    const remedy = isObject(said) && typeof said.remedy === "string" ? said.remedy : general;
    if (!message && !remedy) {
        return null; // an answer of a proxy; its text is in the body, if it has any
    }
    return (
        <div class="notice wrong">
            {message && <p>{message}</p>}
            {remedy && !message?.includes(remedy) && (
                <p class="soft">
                    <Inline text={remedy} />
                </p>
            )}
        </div>
    );
}
