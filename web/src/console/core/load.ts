/** Hooks to load and change data, with progress and problems. */

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Page, Problem } from "./api";

export interface Loaded<T> {
    data: T | undefined;
    /** `data` belongs to the previous question; the new answer is being loaded. */
    stale: boolean;
    problem: Problem | undefined;
    loading: boolean;
    /** Loads again; the old data stays until the new answer, and after a failure. */
    reload: () => void;
    /** Changes the loaded data, with the answer of an action. Has no effect after another question. */
    put: (change: (old: T) => T) => void;
}

interface State<T> {
    /** The question that `data` and `problem` belong to. */
    question?: AbortController;
    data?: T | undefined;
    problem?: Problem | undefined;
    loading: boolean;
}

/** Loads, and again when a value of `on` changes; until then the old answer stays, marked `stale`. */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, on: unknown[]): Loaded<T> {
    const { signal: _, ...loaded } = useQuestion(load, on);
    return loaded;
}

/** The same, with a signal that is aborted when another question is asked. */
function useQuestion<T>(load: (signal: AbortSignal) => Promise<T>, on: unknown[]): Loaded<T> & { signal: AbortSignal } {
    const question = useMemo(() => new AbortController(), on);
    const [state, setState] = useState<State<T>>({ loading: true });
    const [turn, setTurn] = useState(0);
    const underWay = useRef(false);
    useEffect(() => () => question.abort(), [question]);
    useEffect(() => {
        const control = new AbortController();
        underWay.current = true;
        setState((old) => ({ ...old, loading: true }));
        const ended = (next: (old: State<T>) => State<T>) => {
            if (!control.signal.aborted) {
                underWay.current = false;
                setState(next);
            }
        };
        load(control.signal).then(
            (data) => ended(() => ({ question, data, loading: false })),
            (failure) =>
                ended((old) => ({
                    question,
                    data: old.question === question ? old.data : undefined,
                    problem: asProblem(failure),
                    loading: false,
                })),
        );
        return () => control.abort();
    }, [question, turn]);
    const reload = useCallback(() => setTurn((count) => count + 1), []);
    const put = useCallback(
        (change: (old: T) => T) => {
            setState((old) =>
                old.question === question && old.data !== undefined
                    ? { question, data: change(old.data), loading: old.loading }
                    : old,
            );
            if (underWay.current) {
                reload(); // the answer that is under way may be older than the change
            }
        },
        [question],
    );
    const isOurs = state.question === question;
    return {
        data: state.data,
        stale: !isOurs && state.data !== undefined,
        problem: isOurs ? state.problem : undefined,
        loading: !isOurs || state.loading,
        reload,
        put,
        signal: question.signal,
    };
}

export interface Growing<T> extends Loaded<T[]> {
    /** Loads the next rows; absent at the end. */
    more: (() => void) | undefined;
}

/** A list that is loaded page by page, each with the cursor of the page before. */
export function useGrowing<T>(
    load: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>,
    on: unknown[],
): Growing<T> {
    const { signal, ...first } = useQuestion((signal) => load(undefined, signal), on);
    const cursor = first.data?.next;
    const more = useAction(async () => {
        try {
            const found = await load(cursor, signal);
            // The list may have been reloaded meanwhile, with another cursor.
            first.put((old) => (old.next === cursor ? { ...found, rows: [...old.rows, ...found.rows] } : old));
        } catch (failure) {
            if (!signal.aborted) {
                throw failure;
            }
        }
    });
    useEffect(more.forget, [signal]);
    return {
        ...first,
        data: first.data?.rows,
        problem: first.problem ?? more.problem,
        loading: first.loading || more.busy,
        reload: () => {
            more.forget();
            first.reload();
        },
        put: (change) => first.put((old) => ({ ...old, rows: change(old.rows) })),
        more: cursor ? () => void more.run() : undefined,
    };
}

export interface Action<A extends unknown[]> {
    busy: boolean;
    problem: Problem | undefined;
    /** Resolves to whether the action succeeded. */
    run: (...args: A) => Promise<boolean>;
    /** Clears the problem. */
    forget: () => void;
}

/** An action, run once at a time. */
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
            setState({ busy: false, problem: asProblem(failure) });
            return false;
        } finally {
            busy.current = false;
        }
    };
    return { busy: state.busy, problem: state.problem, run, forget: () => setState(({ busy }) => ({ busy })) };
}

function asProblem(failure: unknown): Problem {
    if (failure instanceof Problem) {
        return failure;
    }
    console.error(failure);
    return new Problem(
        "Something went wrong in the console. Reload the page. If it happens again, report it.",
        0,
        "console",
    );
}
