/** The parameters of an operation. */

import { Inline } from "../../shared/markdown";
import type { Defs, Parameter } from "../openapi";
import type { Operation } from "../operations";
import { Facts } from "./fields";

const KINDS: [Parameter["in"], string][] = [
    ["path", "In the path"],
    ["query", "In the query"],
    ["header", "Headers"],
];

export function Parameters({ operation, defs }: { operation: Operation; defs: Defs }) {
    return (
        <>
            {KINDS.map(([where, title]) => {
                const found = operation.parameters.filter((one) => one.in === where);
                return (
                    found.length > 0 && (
                        <section key={where}>
                            <h2>{title}</h2>
                            <dl class="fields">
                                {found.map((one) => (
                                    <div key={one.name}>
                                        <dt>
                                            <code class="name">{one.name}</code>{" "}
                                            <Facts
                                                schema={one.schema ?? {}}
                                                defs={defs}
                                                required={one.required || one.in === "path"}
                                            />
                                        </dt>
                                        <dd>
                                            <Inline text={one.description ?? one.schema?.description ?? ""} />
                                        </dd>
                                    </div>
                                ))}
                            </dl>
                        </section>
                    )
                );
            })}
        </>
    );
}
