/** A part of the console that is loaded when it is first shown: most visits need few of them. */

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Loading, Notice } from "../../shared/parts";

/** load: imports the part. what: its name in "Loading …". */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>, what: string): ComponentType<P> {
    let loaded: ComponentType<P> | undefined;
    return function Lazy(props: P) {
        const [Part, setPart] = useState(() => loaded);
        const [failed, setFailed] = useState(false);
        useEffect(() => {
            if (loaded === undefined) {
                load().then(
                    (part) => {
                        loaded = part;
                        setPart(() => part);
                    },
                    () => setFailed(true),
                );
            }
        }, []);
        if (failed) {
            return (
                <Notice tone="wrong">
                    <p>This part of the console could not be loaded. Reload the page.</p>
                </Notice>
            );
        }
        return Part ? <Part {...props} /> : <Loading what={`Loading ${what}`} />;
    };
}
