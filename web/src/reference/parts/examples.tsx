/** Example answers: the success and each error, by status. */

import { useId, useState } from "preact/hooks";
import { JsonView } from "../../shared/json-view";
import { Inline } from "../../shared/markdown";
import { Copy } from "../../shared/parts";
import { Scrollable } from "../../shared/scrollable";
import { words } from "../../shared/send";
import type { Operation, Variant } from "../operations";
import { errorTypes } from "./answers";
import { Panel } from "./panel";
import { Tabs } from "./tabs";

interface Part {
    operation: Operation;
    /** The chosen shape of the body: a success is shown that fits it. */
    variant: Variant | undefined;
}

export function ExampleAnswers({ operation, variant }: Part) {
    const [status, setStatus] = useState(String(operation.answers[0]?.status ?? ""));
    const [at, setAt] = useState(0);
    const [open, setOpen] = useState(false);
    const id = useId();
    const answer = operation.answers.find((one) => String(one.status) === status);
    if (answer === undefined) {
        return null;
    }
    const fitting = answer.examples.find(({ title }) => title === variant?.key);
    const example = fitting ?? answer.examples[at] ?? answer.examples[0];
    const type = example?.title ?? "";
    const meaning = errorTypes(answer.description).find((one) => one.type === type)?.meaning;
    const isError = answer.status >= 400;
    return (
        <Panel
            title="Example answer"
            class="answer-panel"
            open={open}
            onToggle={() => setOpen(!open)}
            bar={example && <Copy text={JSON.stringify(example.value, null, 2)} what="the example answer" />}
        >
            <Tabs
                label="Status of the answer"
                tabs={operation.answers.map((one) => ({
                    name: String(one.status),
                    title: String(one.status),
                    tone: one.status < 400 ? "good" : "wrong",
                }))}
                chosen={status}
                panel={id}
                onChoose={(name) => {
                    setStatus(name);
                    setAt(0);
                }}
            />
            <div id={id} role="tabpanel" aria-label={`Answer ${status}`} class="example" data-status={status}>
                {isError && answer.examples.length > 1 && (
                    <select
                        class="input small"
                        aria-label="Error"
                        value={at}
                        onChange={(event) => setAt(Number(event.currentTarget.value))}
                    >
                        {answer.examples.map((one, index) => (
                            <option key={one.title} value={index}>
                                {one.title}
                            </option>
                        ))}
                    </select>
                )}
                <p class="panel-note">{meaning ? <Inline text={meaning} /> : `${status} ${words(answer.status)}`}</p>
                {example ? (
                    <Scrollable label={`Example answer, ${status}`} class="example-body">
                        <JsonView key={`${status} ${at} ${fitting?.title}`} value={example.value} />
                    </Scrollable>
                ) : (
                    <p class="panel-note">{answer.binary ? "The bytes of the file." : "No body."}</p>
                )}
            </div>
        </Panel>
    );
}
