/** The answers: fields of a success, and every error with its remedy. */

import { Inline } from "../../shared/markdown";
import { Badge } from "../../shared/parts";
import { words } from "../../shared/send";
import type { Operation } from "../operations";
import { Fields, Row } from "./fields";

export function Answers({ operation }: { operation: Operation }) {
    const good = operation.answers.filter(({ status }) => status < 400);
    const bad = operation.answers.filter(({ status }) => status >= 400);
    return (
        <>
            {good.map(({ status, description, schema, binary }) => (
                <section key={status} aria-label={`Answer ${status}`}>
                    <h2>
                        Answer <Badge tone="good">{`${status} ${words(status)}`}</Badge>
                    </h2>
                    {description && description !== "Success" && (
                        <p>
                            <Inline text={description} />
                        </p>
                    )}
                    {schema && !binary && <Fields schema={schema} defs={operation.defs} path={String(status)} />}
                </section>
            ))}
            {bad.length > 0 && (
                <section aria-label="Errors">
                    <h2>Errors</h2>
                    <ul class="fields errors">
                        {bad.flatMap(({ status, description }) =>
                            errorTypes(description).map(({ type, meaning }) => (
                                <Row
                                    key={`${status} ${type}`}
                                    path={`${status}.${type}`}
                                    name={type}
                                    facts={
                                        <span class="facts">
                                            <Badge tone="wrong">{`${status} ${words(status)}`}</Badge>
                                        </span>
                                    }
                                >
                                    <p>
                                        <Inline text={meaning} />
                                    </p>
                                </Row>
                            )),
                        )}
                    </ul>
                </section>
            )}
        </>
    );
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
