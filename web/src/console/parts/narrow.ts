/** Whether the window is as narrow as a phone's. */

import { useEffect, useMemo, useState } from "preact/hooks";

export function useIsNarrow(): boolean {
    const query = useMemo(() => matchMedia("(max-width: 48rem)"), []);
    const [isNarrow, setIsNarrow] = useState(query.matches);
    useEffect(() => {
        const changed = () => setIsNarrow(query.matches);
        query.addEventListener("change", changed);
        return () => query.removeEventListener("change", changed);
    }, [query]);
    return isNarrow;
}
