/** Grants by state, as buttons that filter. */

import type { Loaded } from "../core/load";
import type { Overview } from "../core/wire";

const STATES = [
    ["", "All"],
    ["valid", "Valid"],
    ["troubled", "In trouble"],
    ["invalid", "Invalid"],
] as const;

/** Counts are those of the provider, or of all; `counted` is false when other filters make them wrong. */
export function Totals({
    overview,
    provider,
    counted,
    state,
    onState,
}: {
    overview: Loaded<Overview>;
    provider: string;
    counted: boolean;
    state: string;
    onState: (state: string) => void;
}) {
    const grants = overview.data?.grants.filter((row) => !provider || row.provider === provider);
    const sum = (of: "valid" | "troubled" | "invalid") => grants?.reduce((total, row) => total + row[of], 0) ?? 0;
    const numbers: Record<string, number> = {
        "": sum("valid") + sum("invalid"),
        valid: sum("valid"),
        troubled: sum("troubled"),
        invalid: sum("invalid"),
    };
    return (
        <fieldset class="totals">
            <legend class="visually-hidden">State</legend>
            {STATES.map(([name, label]) => (
                <button
                    key={name}
                    type="button"
                    class={name || "all"}
                    aria-pressed={state === name}
                    onClick={() => onState(name)}
                >
                    {label}
                    {grants && counted && <span class="total">{(numbers[name] ?? 0).toLocaleString("en")}</span>}
                </button>
            ))}
        </fieldset>
    );
}
