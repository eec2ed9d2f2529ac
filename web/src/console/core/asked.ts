/** Links to a dialog, as `#/keys?create=true`: the page opens it, and the question leaves the address. */

import { useEffect } from "preact/hooks";
import { here, refine } from "./route";

export function useAsked(name: string, open: () => void): void {
    const isAsked = here.value.query.has(name);
    useEffect(() => {
        if (isAsked) {
            const { [name]: _, ...others } = Object.fromEntries(here.value.query);
            refine(others);
            open();
        }
    }, [isAsked]);
}
