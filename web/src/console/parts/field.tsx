/** Fields of forms: label, hint and input are connected for screen readers too. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Common {
    label: string;
    hint?: ComponentChildren;
    /** What is wrong with the value, in words. */
    problem?: string | undefined;
    value: string;
    onValue: (value: string) => void;
    required?: boolean;
}

/** The ids that an input refers to by aria-describedby. */
function describedBy(id: string, hint: ComponentChildren, problem: string | undefined): string | undefined {
    return [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(" ") || undefined;
}

/** The frame of an input, which must have this id and `describedBy`. */
function Typed({
    id,
    label,
    hint,
    problem,
    required,
    children,
}: Pick<Common, "label" | "hint" | "problem"> & { id: string; required: boolean; children: ComponentChildren }) {
    return (
        <div class="field">
            <label for={id}>
                {label} {!required && <span class="optional">optional</span>}
            </label>
            {children}
            {hint && (
                <p class="hint" id={`${id}-hint`}>
                    {hint}
                </p>
            )}
            {problem && (
                <p class="problem" id={`${id}-problem`} aria-live="polite">
                    {problem}
                </p>
            )}
        </div>
    );
}

export function TextField({
    label,
    hint,
    problem,
    value,
    onValue,
    required = false,
    type = "text",
    placeholder,
    mono = false,
    min,
    max,
    maxLength,
}: Common & {
    type?: "text" | "password" | "url" | "number";
    placeholder?: string | undefined;
    mono?: boolean;
    min?: number;
    max?: number;
    maxLength?: number;
}) {
    const id = useId();
    return (
        <Typed id={id} label={label} hint={hint} problem={problem} required={required}>
            <input
                id={id}
                class={mono ? "input mono" : "input"}
                type={type}
                value={value}
                required={required}
                placeholder={placeholder}
                min={min}
                max={max}
                maxLength={maxLength}
                // Secrets of a server, not the reader's own. Browsers keep what is typed as a password in spite of "off",
                // offer to make one for "new-password", and keep no code that is good once.
                autocomplete={type === "password" ? "one-time-code" : "off"}
                spellcheck={false}
                aria-invalid={problem !== undefined}
                aria-describedby={describedBy(id, hint, problem)}
                onInput={(event) => onValue(event.currentTarget.value)}
            />
        </Typed>
    );
}

export function AreaField({
    label,
    hint,
    problem,
    value,
    onValue,
    required = false,
    rows = 4,
    mono = true,
}: Common & { rows?: number; mono?: boolean }) {
    const id = useId();
    return (
        <Typed id={id} label={label} hint={hint} problem={problem} required={required}>
            <textarea
                id={id}
                class={mono ? "input mono" : "input"}
                rows={rows}
                value={value}
                required={required}
                spellcheck={false}
                autocomplete="off"
                aria-invalid={problem !== undefined}
                aria-describedby={describedBy(id, hint, problem)}
                onInput={(event) => onValue(event.currentTarget.value)}
            />
        </Typed>
    );
}

export function Choice({
    label,
    value,
    onValue,
    options,
    compact = false,
}: Omit<Common, "hint"> & { options: readonly (readonly [value: string, label: string])[]; compact?: boolean }) {
    const id = useId();
    return (
        <div class="field">
            <label for={id} class={compact ? "visually-hidden" : undefined}>
                {label}
            </label>
            <select id={id} class="input" value={value} onChange={(event) => onValue(event.currentTarget.value)}>
                {options.map(([one, words]) => (
                    <option key={one} value={one}>
                        {words}
                    </option>
                ))}
            </select>
        </div>
    );
}

export function Check({
    label,
    hint,
    checked,
    onChecked,
}: {
    label: ComponentChildren;
    hint?: ComponentChildren;
    checked: boolean;
    onChecked: (checked: boolean) => void;
}) {
    return (
        <label class="check">
            <input type="checkbox" checked={checked} onChange={(event) => onChecked(event.currentTarget.checked)} />
            <span>
                <span class="check-label">{label}</span>
                {hint && <span class="hint">{hint}</span>}
            </span>
        </label>
    );
}
