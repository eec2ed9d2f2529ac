/** The answers: fields of a success, and every error with its remedy. */

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
                                    {errorTypes(answer.description ?? "").map(({ type, meaning }) => (
                                        <div key={type}>
                                            <dt>{type && <code class="name">{type}</code>}</dt>
                                            <dd>
                                                <Inline text={meaning} />
                                            </dd>
                                        </div>
                                    ))}
                                </dl>
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

/** The error types of a status. /openapi.json has one a line, "`type`: meaning and remedy"; other lines continue it. */
export function errorTypes(description: string): { type: string; meaning: string }[] {
    const found: { type: string; meaning: string }[] = [];
    for (const line of description.split(/\s*\n\s*/).filter((one) => one !== "")) {
        const [, type, meaning = ""] = /^`([\w.]+)`:\s*(.*)$/.exec(line) ?? [];
        const last = found.at(-1);
        if (type !== undefined) {
            found.push({ type, meaning });
        } else if (last !== undefined) {
            last.meaning += `\n${line}`;
        } else {
            found.push({ type: "", meaning: line });
        }
    }
    return found;
}
