/** Fields for a colour and for a picture. */

import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { readPicture } from "./picture";

interface Props {
    label: string;
    hint?: ComponentChildren;
    value: string;
    onValue: (value: string) => void;
    problem: string | undefined;
    /** What the page does with the value, in words. */
    remarks: string[];
}

function Says({ id, hint, problem, remarks }: Pick<Props, "hint" | "problem" | "remarks"> & { id: string }) {
    return (
        <div id={`${id}-says`} class="says">
            {hint && <p class="hint">{hint}</p>}
            {problem && (
                <p class="problem" aria-live="polite">
                    {problem}
                </p>
            )}
            {!problem &&
                remarks.map((remark) => (
                    <p key={remark} class="remark">
                        {remark}
                    </p>
                ))}
        </div>
    );
}

export function ColourField({ label, hint, value, onValue, problem, remarks, standard }: Props & { standard: string }) {
    const id = useId();
    const shown = long(value) ?? long(standard) ?? "#000000";
    return (
        <div class="field">
            <label for={id}>{label}</label>
            <div class="colour">
                <input
                    type="color"
                    class="swatch"
                    aria-label={`Choose: ${label}`}
                    value={shown}
                    onInput={(event) => onValue(event.currentTarget.value)}
                />
                <input
                    id={id}
                    class="input mono"
                    value={value}
                    placeholder="Standard"
                    maxLength={7}
                    autocomplete="off"
                    spellcheck={false}
                    aria-invalid={problem !== undefined}
                    aria-describedby={`${id}-says`}
                    onInput={(event) => onValue(event.currentTarget.value)}
                />
                {value && (
                    <button
                        type="button"
                        class="button plain"
                        aria-label={`Clear: ${label}`}
                        onClick={() => onValue("")}
                    >
                        Clear
                    </button>
                )}
            </div>
            <Says id={id} hint={hint} problem={problem} remarks={remarks} />
        </div>
    );
}

/** A colour with six digits, which is what the browser's own choice takes; undefined for what is no colour. */
function long(colour: string): string | undefined {
    if (/^#[0-9a-f]{3}$/i.test(colour)) {
        return `#${[...colour.slice(1)].map((digit) => digit + digit).join("")}`;
    }
    return /^#[0-9a-f]{6}$/i.test(colour) ? colour : undefined;
}

export function PictureField({
    label,
    hint,
    value,
    onValue,
    problem,
    remarks,
    longest,
}: Props & {
    /** Pixels of the longer side of a picture that has to be made smaller. */
    longest: number;
}) {
    const id = useId();
    const [failed, setFailed] = useState<string>();
    const isUploaded = value.startsWith("data:");
    const take = async (input: HTMLInputElement) => {
        const file = input.files?.[0];
        if (!file) {
            return;
        }
        setFailed(undefined);
        try {
            onValue(await readPicture(file, longest));
        } catch (problem) {
            setFailed(problem instanceof Error ? problem.message : String(problem));
        }
        input.value = ""; // the same file can be chosen again
    };
    return (
        <div class="field">
            <label for={id}>{label}</label>
            <div class="picture">
                {isUploaded && <img src={value} alt="" class="picture-shown" />}
                <label class="button upload">
                    {isUploaded ? "Replace" : "Upload a picture"}
                    <input
                        id={id}
                        type="file"
                        accept="image/png,image/jpeg,image/gif,image/webp,image/svg+xml"
                        class="visually-hidden"
                        aria-describedby={`${id}-says`}
                        onChange={(event) => void take(event.currentTarget)}
                    />
                </label>
                {value !== "" && (
                    <button
                        type="button"
                        class="button plain"
                        aria-label={`Remove: ${label}`}
                        onClick={() => onValue("")}
                    >
                        Remove
                    </button>
                )}
            </div>
            {value !== "" && !isUploaded && <p class="hint break mono">{value}</p>}
            <Says id={id} hint={hint} problem={failed ?? problem} remarks={remarks} />
        </div>
    );
}
