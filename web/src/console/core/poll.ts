/** Polling, only while the page is used: an unattended page must not keep its session alive. */

import { useEffect, useRef } from "preact/hooks";

const PATIENCE = 10 * 60_000;

let touched = Date.now();
for (const sign of ["pointerdown", "pointermove", "keydown", "scroll"]) {
    window.addEventListener(
        sign,
        () => {
            touched = Date.now();
        },
        { passive: true, capture: true },
    );
}

export function usePoll(look: () => void, every: number): void {
    const latest = useRef(look);
    latest.current = look;
    useEffect(() => {
        let last = Date.now();
        const due = () => {
            if (!document.hidden && Date.now() - touched < PATIENCE && Date.now() - last >= every) {
                last = Date.now();
                latest.current();
            }
        };
        const timer = setInterval(due, Math.min(every, 1000));
        document.addEventListener("visibilitychange", due);
        return () => {
            clearInterval(timer);
            document.removeEventListener("visibilitychange", due);
        };
    }, [every]);
}
