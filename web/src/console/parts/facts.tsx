/** Facts as names and values. Unknown ones are left out. */

import type { ComponentChildren } from "preact";

export function Facts({ of }: { of: [name: string, value: ComponentChildren][] }) {
    return (
        <dl class="facts">
            {of
                .filter(([, value]) => value !== undefined && value !== null && value !== false && value !== "")
                .map(([name, value]) => (
                    <div key={name}>
                        <dt>{name}</dt>
                        <dd>{value}</dd>
                    </div>
                ))}
        </dl>
    );
}
