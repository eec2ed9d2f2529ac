/** JSON with colours, folded by <details>, which keyboards and screen readers support. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { isObject, type Json } from "./json";

/** Large values below this depth are folded at first. */
const OPEN_DEPTH = 4;
const OPEN_ITEMS = 100;

export function JsonView({ value }: { value: Json }) {
    return (
        <div class="json">
            <Value value={value} depth={0} before={null} after="" />
        </div>
    );
}

interface Part {
    value: Json;
    depth: number;
    before: ComponentChildren;
    after: string;
}

function Value({ value, depth, before, after }: Part) {
    if (Array.isArray(value)) {
        const items = value.map((item, index): [string, ComponentChildren, Json] => [String(index), null, item]);
        return <Fold items={items} depth={depth} before={before} after={after} open="[" close="]" unit="item" />;
    }
    if (isObject(value)) {
        const items = Object.entries(value).map(([name, item]): [string, ComponentChildren, Json] => [
            name,
            <>
                <span class="json-key">{JSON.stringify(name)}</span>:{" "}
            </>,
            item,
        ]);
        return <Fold items={items} depth={depth} before={before} after={after} open="{" close="}" unit="member" />;
    }
    return (
        <div class="json-line">
            {before}
            <span class={`json-${value === null ? "null" : typeof value}`}>{JSON.stringify(value)}</span>
            {after}
        </div>
    );
}

interface FoldPart extends Omit<Part, "value"> {
    items: [string, ComponentChildren, Json][];
    open: string;
    close: string;
    unit: string;
}

function Fold({ items, depth, before, after, open, close, unit }: FoldPart) {
    const [shown, setShown] = useState(depth < OPEN_DEPTH && items.length <= OPEN_ITEMS);
    if (items.length === 0) {
        return (
            <div class="json-line">
                {before}
                {open}
                {close}
                {after}
            </div>
        );
    }
    return (
        <details open={shown} onToggle={(event) => setShown(event.currentTarget.open)}>
            <summary>
                {before}
                {open}
                {!shown && (
                    <>
                        <span class="json-count">
                            {" "}
                            {items.length} {unit}
                            {items.length === 1 ? "" : "s"}{" "}
                        </span>
                        {close}
                        {after}
                    </>
                )}
            </summary>
            {shown && (
                <>
                    <div class="json-inside">
                        {items.map(([key, name, item], index) => (
                            <Value
                                key={key}
                                value={item}
                                depth={depth + 1}
                                before={name}
                                after={index < items.length - 1 ? "," : ""}
                            />
                        ))}
                    </div>
                    <div class="json-line">
                        {close}
                        {after}
                    </div>
                </>
            )}
        </details>
    );
}
