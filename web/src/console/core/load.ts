/** How pages read and change things: what is loaded, what is under way, what went wrong. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type Page, Problem } from "./api";

export interface Loaded<T> {
    data: T | undefined;
    problem: Problem | undefined;
    loading: boolean;
    /** Again; what was there stays until the new answer is. */
    reload: () => void;
    /** What an action has answered. */
    put: (data: T) => void;
}

/** What `load` answers, and again whenever one of `on` changes. Reloading shows the old answer meanwhile. */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, on: unknown[]): Loaded<T> {
    const [state, setState] = useState<{ data?: T | undefined; problem?: Problem | undefined; loading: boolean }>({
        loading: true,
    });
    const [turn, setTurn] = useState(0);
    useEffect(() => {
        const control = new AbortController();
        setState((old) => ({ ...old, loading: true }));
        load(control.signal).then(
            (data) => !control.signal.aborted && setState({ data, loading: false }),
            (failure) =>
                !control.signal.aborted &&
                setState((old) => ({ data: old.data, problem: told(failure), loading: false })),
        );
        return () => control.abort();
    }, [...on, turn]);
    const reload = useCallback(() => setTurn((count) => count + 1), []);
    const put = useCallback((data: T) => setState({ data, loading: false }), []);
    return { data: state.data, problem: state.problem, loading: state.loading, reload, put };
}

export interface Growing<T> extends Loaded<T[]> {
    /** Absent when there is no more. */
    more: (() => void) | undefined;
}

/** A list that is read piece by piece, each piece with the cursor that came with the one before. */
export function useGrowing<T>(
    load: (cursor: string | undefined, signal?: AbortSignal) => Promise<Page<T>>,
    on: unknown[],
): Growing<T> {
    const first = useLoad((signal) => load(undefined, signal), on);
    const more = useAction(async () => {
        const known = first.data;
        if (known?.next) {
            const found = await load(known.next);
            first.put({ ...found, rows: [...known.rows, ...found.rows] });
        }
    });
    return {
        data: first.data?.rows,
        problem: first.problem ?? more.problem,
        loading: first.loading || more.busy,
        reload: first.reload,
        put: (rows) => first.put({ ...first.data, rows }),
        more: first.data?.next ? () => void more.run() : undefined,
    };
}

export interface Action<A extends unknown[]> {
    busy: boolean;
    problem: Problem | undefined;
    /** Answers whether it worked. */
    run: (...args: A) => Promise<boolean>;
    forget: () => void;
}

/** Something that is done when somebody asks for it, once at a time. */
export function useAction<A extends unknown[]>(act: (...args: A) => Promise<unknown>): Action<A> {
    const [state, setState] = useState<{ busy: boolean; problem?: Problem }>({ busy: false });
    const busy = useRef(false);
    const run = async (...args: A) => {
        if (busy.current) {
            return false;
        }
        busy.current = true;
        setState({ busy: true });
        try {
            await act(...args);
            setState({ busy: false });
            return true;
        } catch (failure) {
            setState({ busy: false, problem: told(failure) });
            return false;
        } finally {
            busy.current = false;
        }
    };
    return { busy: state.busy, problem: state.problem, run, forget: () => setState({ busy: false }) };
}

function told(failure: unknown): Problem {
    if (failure instanceof Problem) {
        return failure;
    }
    console.error(failure);
    return new Problem("The console made a mistake. Reload the page; if it stays, report it.", 0, "console");
}
