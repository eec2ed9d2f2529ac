/** The members of an object as a list: name, type, meaning and example; objects inside unfold. Each has an address. */

import { createContext } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";
import { Inline } from "../../shared/markdown";
import { Badge } from "../../shared/parts";
import type { Defs, Schema } from "../openapi";
import { address } from "../route";
import { allowed, branches, exampleOf, inside, isSecret, limits, resolve, typeOf } from "../schema";

const DEEPEST = 6;

/** Where the fields are, for their addresses; `target` is the field that the address of the page names. */
export const Home = createContext<{ id: string; variant: string | undefined; target: string | undefined }>({
    id: "",
    variant: undefined,
    target: undefined,
});

interface Part {
    schema: Schema;
    defs: Defs;
    /** The address of the object itself: "body", "200". */
    path: string;
    /** Marks required members; answers do not need it. */
    request?: boolean;
    depth?: number;
}

export function Fields({ schema, defs, path, request = false, depth = 0 }: Part) {
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
        <ul class="fields">
            {ordered.map(([name, member]) => (
                <Field
                    key={name}
                    name={name}
                    path={`${path}.${name}`}
                    schema={member}
                    defs={defs}
                    required={request && required.includes(name)}
                    request={request}
                    depth={depth}
                />
            ))}
        </ul>
    );
}

interface FieldPart {
    name: string;
    path: string;
    schema: Schema;
    defs: Defs;
    required: boolean;
    request?: boolean;
    depth?: number;
    description?: string | undefined;
    /** An example that the schema itself does not have. */
    example?: string | undefined;
}

export function Field({ name, path, schema, defs, required, request = false, depth = 0, ...given }: FieldPart) {
    const { target } = useContext(Home);
    const within = inside(schema, defs);
    const leadsOn = target?.startsWith(`${path}.`) ?? false;
    const [open, setOpen] = useState(leadsOn || required || (depth === 0 && name === "data"));
    useEffect(() => {
        if (leadsOn) {
            setOpen(true);
        }
    }, [leadsOn]);
    const description = given.description ?? resolve(schema, defs).description;
    const example = given.example ?? exampleOf(schema, defs);
    const count = within ? Object.keys(within.properties ?? {}).length : 0;
    return (
        <Row path={path} name={name} facts={<Facts schema={schema} defs={defs} required={required} />}>
            {description && (
                <p>
                    <Inline text={description} />
                </p>
            )}
            {example !== undefined && (
                <p class="example-value">
                    <span>Example</span> <code>{example}</code>
                </p>
            )}
            {within && depth < DEEPEST && (
                <details class="inner" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
                    <summary>
                        {open ? "Hide" : "Show"} {count} {count === 1 ? "field" : "fields"} of <code>{name}</code>
                    </summary>
                    {open && <Fields schema={within} defs={defs} path={path} request={request} depth={depth + 1} />}
                </details>
            )}
        </Row>
    );
}

interface RowPart {
    path: string;
    name: string;
    facts?: preact.ComponentChildren;
    children: preact.ComponentChildren;
}

/** A line with an address of its own. The line that the page's address names is marked and has the focus. */
export function Row({ path, name, facts, children }: RowPart) {
    const { id, variant, target } = useContext(Home);
    const row = useRef<HTMLLIElement>(null);
    const isTarget = target === path;
    useEffect(() => {
        if (isTarget) {
            row.current?.scrollIntoView({ block: "center", behavior: "instant" });
            row.current?.focus({ preventScroll: true });
        }
    }, [isTarget]);
    return (
        <li ref={row} class={isTarget ? "marked" : ""} tabIndex={-1} data-field={path}>
            <div class="field-head">
                <a class="anchor" href={address(id, variant, path)} aria-label={`Link to ${name}`}>
                    #
                </a>
                <code class="name">{name}</code> {facts}
            </div>
            <div class="field-body">{children}</div>
        </li>
    );
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
            {required && <span class="required">required</span>}
            {isSecret(schema, defs) && <Badge tone="warn">secret</Badge>}
        </span>
    );
}
