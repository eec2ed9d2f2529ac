/** Loads the description of the API in pieces: the list of operations first, each operation when it is shown. */

import type { Document, Index } from "./openapi";
import { type Api, type Entry, type Operation, readIndex, readOperation } from "./operations";

const PIECES = "/reference/operations";

const operations = new Map<string, Operation>();

export async function loadApi(): Promise<Api> {
    return readIndex((await json(PIECES)) as Index);
}

/** An operation that has been loaded. */
export function loaded(about: Entry): Operation | undefined {
    return operations.get(about.id);
}

export async function loadOperation(about: Entry): Promise<Operation> {
    const made = readOperation(about, (await json(`${PIECES}/${encodeURIComponent(about.id)}`)) as Document);
    operations.set(about.id, made);
    return made;
}

/** The whole document, for the search. */
export async function loadAll(): Promise<Document> {
    return (await json("/openapi.json")) as Document;
}

async function json(path: string): Promise<unknown> {
    const answer = await fetch(path, { credentials: "omit" });
    if (!answer.ok) {
        throw new Error(`${path} answered ${answer.status}`);
    }
    return await answer.json();
}
