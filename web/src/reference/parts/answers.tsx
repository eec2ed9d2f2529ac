/** What may come back: the fields of a success, and every error with what to do about it. */

import { Inline } from "../../shared/markdown";
import { Badge } from "../../shared/parts";
import { words } from "../../shared/send";
import type { Answer, Defs } from "../openapi";
import type { Operation } from "../operations";
import { Fields } from "./fields";

export function Answers({ operation, defs }: { operation: Operation; defs: Defs }) {
    const good = operation.answers.filter(([status]) => Number(status) < 400);
    const bad = operation.answers.filter(([status]) => Number(status) >= 400);
    return (
        <>
            {good.map(([status, answer]) => (
                <section key={status}>
                    <h2>
                        Answer <Badge tone="good">{`${status} ${words(Number(status))}`}</Badge>
                    </h2>
                    {answer.description && answer.description !== "Success" && (
                        <p>
                            <Inline text={answer.description} />
                        </p>
                    )}
                    <Success answer={answer} defs={defs} />
                </section>
            ))}
            {bad.length > 0 && (
                <section>
                    <h2>Errors</h2>
                    <div class="errors">
                        {bad.map(([status, answer]) => (
                            <details key={status} open={status === "400"}>
                                <summary>
                                    <Badge tone="wrong">{status}</Badge> {words(Number(status))}
                                </summary>
                                <dl class="fields">
                                    {told(answer.description ?? "").map(({ type, meaning }) => (
                                        <div key={type}>
                                            <dt>{type && <code class="name">{type}</code>}</dt>
                                            <dd>
                                                <Inline text={meaning} />
                                            </dd>
                                        </div>
                                    ))}
                                </dl>
                                {WHAT_TO_DO[status] && <p class="what-to-do">{WHAT_TO_DO[status]}</p>}
                            </details>
                        ))}
                    </div>
                </section>
            )}
        </>
    );
}

function Success({ answer, defs }: { answer: Answer; defs: Defs }) {
    const schema = Object.values(answer.content ?? {})[0]?.schema;
    return schema === undefined ? null : <Fields schema={schema} defs={defs} />;
}

/** The types of a status: /openapi.json tells them one to a line, "`type`: what it means". */
export function told(description: string): { type: string; meaning: string }[] {
    return description
        .split(/\s*\n/)
        .filter((line) => line.trim() !== "")
        .map((line) => {
            const [, type, meaning] = /^`([\w.]+)`:\s*(.*)$/s.exec(line.trim()) ?? [];
            return type === undefined ? { type: "", meaning: line } : { type, meaning: meaning ?? "" };
        });
}

export const WHAT_TO_DO: Record<string, string> = {
    400: "Change what the message names and send it again; the same request fails the same way. When a provider refused, error.provider_error.opengrant.remedy says whose turn it is.",
    401: "Send a good key as “Authorization: Bearer …”. “opengrant keys create” makes one.",
    403: "Use a key that has the permission which the message names.",
    404: "Look at the id: it may be of another application, or deleted.",
    409: "Take a new Idempotency-Key for a new request, or wait until the first one has its answer.",
    413: "Send less.",
    423: "Ask whoever runs this server: they blocked it, and can unblock it.",
    429: "Wait as many seconds as the Retry-After header says, then send it again.",
    500: "Nothing you can change. Tell whoever runs this server the request id; the log has the story under it.",
    503: "Send it again in a moment.",
    504: "Send it again later: the provider did not answer, or not sensibly. Nothing was changed.",
};
