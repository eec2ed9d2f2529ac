/** The members of an object as a list: name, type, what it means; objects inside unfold. */

import { useState } from "preact/hooks";
import { Inline } from "../../shared/markdown";
import { Badge } from "../../shared/parts";
import type { Defs, Schema } from "../openapi";
import { allowed, branches, isSecret, limits, resolve, typeOf } from "../schema";

const DEEPEST = 6;

/** `request`: marks required members; answers do not need it. */
export function Fields({
    schema,
    defs,
    request = false,
    depth = 0,
}: {
    schema: Schema;
    defs: Defs;
    request?: boolean;
    depth?: number;
}) {
    const way = branches(schema, defs).find((one) => one.properties !== undefined);
    const members = Object.entries(way?.properties ?? {});
    if (members.length === 0) {
        return (
            <p class="soft">
                {way || resolve(schema, defs).type === "object" ? "An object." : `A ${typeOf(schema, defs)}.`}
            </p>
        );
    }
    const required = way?.required ?? [];
    const ordered = request
        ? [...members].sort(([a], [b]) => Number(required.includes(b)) - Number(required.includes(a)))
        : members;
    return (
        <dl class="fields">
            {ordered.map(([name, member]) => (
                <Field
                    key={name}
                    name={name}
                    schema={member}
                    defs={defs}
                    required={request && required.includes(name)}
                    request={request}
                    depth={depth}
                />
            ))}
        </dl>
    );
}

interface FieldPart {
    name: string;
    schema: Schema;
    defs: Defs;
    required: boolean;
    request: boolean;
    depth: number;
}

function Field({ name, schema, defs, required, request, depth }: FieldPart) {
    const inner = inside(schema, defs);
    const [open, setOpen] = useState(required || (depth === 0 && name === "data"));
    const description = resolve(schema, defs).description;
    return (
        <div>
            <dt>
                <code class="name">{name}</code> <Facts schema={schema} defs={defs} required={required} />
            </dt>
            <dd>
                {description && <Inline text={description} />}
                {inner && depth < DEEPEST && (
                    <details class="inner" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
                        <summary>
                            Members of <code>{name}</code>
                        </summary>
                        {open && <Fields schema={inner} defs={defs} request={request} depth={depth + 1} />}
                    </details>
                )}
            </dd>
        </div>
    );
}

/** The object in a member, or in an array in that member. */
function inside(schema: Schema, defs: Defs): Schema | undefined {
    for (const way of branches(schema, defs)) {
        if (way.properties !== undefined && Object.keys(way.properties).length > 0) {
            return way;
        }
        if (way.type === "array" && way.items) {
            return inside(way.items, defs);
        }
    }
    return undefined;
}

export function Facts({ schema, defs, required }: { schema: Schema; defs: Defs; required: boolean | undefined }) {
    const values = allowed(schema, defs);
    const standard = resolve(schema, defs).default;
    // Long limits, such as 253 characters of a host name, are left to the editor.
    const limit = resolve(schema, defs).type === "string" ? "" : limits(schema, defs);
    return (
        <span class="facts">
            {(values === undefined || values.length > 1) && <span>{typeOf(schema, defs)}</span>}
            {values && (
                <span>
                    {values.map((value, index) => (
                        <span key={index}>
                            {index > 0 && " "}
                            <code>{JSON.stringify(value)}</code>
                        </span>
                    ))}
                </span>
            )}
            {limit && <span>{limit}</span>}
            {standard !== undefined && standard !== null && (
                <span>
                    default <code>{JSON.stringify(standard)}</code>
                </span>
            )}
            {required && <Badge tone="accent">required</Badge>}
            {isSecret(schema, defs) && <Badge tone="warn">secret</Badge>}
        </span>
    );
}
