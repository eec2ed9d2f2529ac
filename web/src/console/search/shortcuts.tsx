/** The keys of the console. */

import "../looks/search.css";
import { Dialog } from "../../shared/parts";
import { Check } from "../parts/field";
import { allowSingleKeys, GO_TO, opened, SEARCH_KEYS, singleKeys } from "./open";

export function Shortcuts() {
    const close = () => {
        opened.value = undefined;
    };
    return (
        <Dialog title="Keyboard shortcuts" class="shortcuts" onClose={close}>
            <div class="form">
                <dl class="keys">
                    <Key keys={SEARCH_KEYS.split(" ")} means="Search" />
                    {singleKeys.value && (
                        <>
                            <Key keys={["/"]} means="Search" />
                            <Key keys={["?"]} means="Show this list" />
                            {GO_TO.map(([letter, , label]) => (
                                <Key key={letter} keys={["G", letter.toUpperCase()]} means={`Go to ${label}`} />
                            ))}
                        </>
                    )}
                    <Key keys={["Esc"]} means="Close a dialog" />
                </dl>
                <Check
                    label="Shortcuts of single letters"
                    hint="Turn them off if you dictate, or press keys by accident. Kept in this browser."
                    checked={singleKeys.value}
                    onChecked={allowSingleKeys}
                />
                <div class="form-end">
                    <button type="button" class="button primary" onClick={close}>
                        Close
                    </button>
                </div>
            </div>
        </Dialog>
    );
}

function Key({ keys, means }: { keys: string[]; means: string }) {
    return (
        <div>
            <dt>{means}</dt>
            <dd>
                {keys.map((key) => (
                    <kbd key={key}>{key}</kbd>
                ))}
            </dd>
        </div>
    );
}
