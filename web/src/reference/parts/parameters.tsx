/** The parameters of an operation. */

import type { Parameter } from "../openapi";
import type { Operation } from "../operations";
import { Field } from "./fields";

const KINDS: [Parameter["in"], string][] = [
    ["path", "Path"],
    ["query", "Query"],
    ["header", "Headers"],
];

export function Parameters({ operation }: { operation: Operation }) {
    return (
        <>
            {KINDS.map(([where, title]) => {
                const found = operation.parameters.filter((one) => one.in === where);
                return (
                    found.length > 0 && (
                        <section key={where} aria-label={title}>
                            <h2>{title}</h2>
                            <ul class="fields">
                                {found.map((one) => (
                                    <Field
                                        key={one.name}
                                        name={one.name}
                                        path={`${where}.${one.name}`}
                                        schema={one.schema ?? {}}
                                        defs={operation.defs}
                                        required={one.required || one.in === "path"}
                                        description={one.description}
                                        example={exampleOf(one)}
                                    />
                                ))}
                            </ul>
                        </section>
                    )
                );
            })}
        </>
    );
}

export function exampleOf(parameter: Parameter): string | undefined {
    const [first] = Object.values(parameter.examples ?? {});
    return first?.value === undefined ? undefined : String(first.value);
}
