/** Inputs for the parameters, by their schemas. */

import type { Signal } from "@preact/signals";
import { useId } from "preact/hooks";
import { plain } from "../../shared/markdown";
import type { Defs, Parameter } from "../openapi";
import { isSecretParameter, type Operation } from "../operations";
import { fieldKey, filledIn } from "../request";
import { allowed, branches } from "../schema";
import { exampleOf } from "./parameters";

interface Part {
    operation: Operation;
    defs: Defs;
    fields: Signal<Record<string, string>>;
    /** Keys of fields with an error. */
    wanting: readonly string[];
}

export function Inputs({ operation, defs, fields, wanting }: Part) {
    const needed = operation.parameters.filter((one) => one.required || one.in === "path");
    const others = operation.parameters.filter((one) => !needed.includes(one));
    const input = (parameter: Parameter) => {
        const key = fieldKey(parameter);
        return (
            <Input
                key={key}
                parameter={parameter}
                defs={defs}
                needed={needed.includes(parameter)}
                wanting={wanting.includes(key)}
                value={filledIn(fields.value, parameter)}
                onValue={(value) => {
                    // Ids have no spaces around them, but pasted text may.
                    fields.value = { ...fields.value, [key]: parameter.in === "path" ? value.trim() : value };
                }}
            />
        );
    };
    // Optional parameters come after a required body.
    const isFew = others.length === 0 || (others.length < 3 && operation.variants.length === 0);
    const filled = others.filter((one) => fields.value[fieldKey(one)]).length;
    return (
        <>
            {needed.map(input)}
            {isFew && others.map(input)}
            {!isFew && (
                <details class="optional">
                    <summary>
                        {others.length} optional parameter{others.length > 1 && "s"}
                        {filled > 0 && `, ${filled} filled in`}
                    </summary>
                    <div class="inputs">{others.map(input)}</div>
                </details>
            )}
        </>
    );
}

interface InputPart {
    parameter: Parameter;
    defs: Defs;
    needed: boolean;
    wanting: boolean;
    value: string;
    onValue: (value: string) => void;
}

function Input({ parameter, defs, needed, wanting, value, onValue }: InputPart) {
    const id = useId();
    const schema = parameter.schema ?? {};
    const isTruth = branches(schema, defs).some((way) => way.type === "boolean");
    const values = isTruth ? [true, false] : allowed(schema, defs);
    const isNumber = branches(schema, defs).every((way) => way.type === "integer" || way.type === "number");
    const standard = schema.default;
    const example = exampleOf(parameter) ?? "";
    const problem = wanting && value === "" ? `Fill in ${parameter.name}: it is part of the address.` : "";
    const described = problem ? { "aria-describedby": `${id}-problem`, "aria-invalid": true } : {};
    return (
        <div class="field">
            <label for={id}>
                <code>{parameter.name}</code>
                <span class="facts">
                    <span>{parameter.in}</span>
                    {needed && <span>required</span>}
                </span>
            </label>
            {values && values.length > 0 ? (
                <select
                    id={id}
                    class="input"
                    value={value}
                    onChange={(event) => onValue(event.currentTarget.value)}
                    {...described}
                >
                    <option value="">{needed ? "Choose…" : "Not sent"}</option>
                    {values.map((one) => (
                        <option key={String(one)} value={String(one)}>
                            {String(one)}
                        </option>
                    ))}
                </select>
            ) : (
                <input
                    id={id}
                    class="input"
                    type={isSecretParameter(parameter) ? "password" : "text"}
                    inputmode={isNumber ? "numeric" : "text"}
                    autocomplete="off"
                    spellcheck={false}
                    placeholder={standard === undefined || standard === null ? example : String(standard)}
                    title={plain(parameter.description ?? "")}
                    value={value}
                    onInput={(event) => onValue(event.currentTarget.value)}
                    {...described}
                />
            )}
            {problem && (
                <span class="problem" id={`${id}-problem`}>
                    {problem}
                </span>
            )}
        </div>
    );
}
