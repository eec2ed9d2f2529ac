/** A card with the schema of a member, beside suggestions and under the pointer. */

import { plain } from "../../shared/markdown";
import type { Defs } from "../openapi";
import { allowed, limits, type Place, resolve, typeOf } from "../schema";

export interface Facts {
    type: string;
    required: boolean;
    description: string;
    more: string;
}

export function facts(place: Place, defs: Defs): Facts {
    const schema = resolve(place.schema, defs);
    const values = allowed(place.schema, defs);
    const standard = schema.default;
    const more = [
        values && `Allowed: ${values.map((value) => JSON.stringify(value)).join(", ")}.`,
        limits(place.schema, defs) && `Takes ${limits(place.schema, defs)}.`,
        standard !== undefined && standard !== null && `Without it: ${JSON.stringify(standard)}.`,
    ];
    return {
        type: typeOf(place.schema, defs),
        required: place.required,
        description: plain(schema.description ?? "").replace(/\s+/g, " "),
        more: more.filter(Boolean).join(" "),
    };
}

export function card(name: string, place: Place, defs: Defs): HTMLElement {
    const said = facts(place, defs);
    const element = document.createElement("div");
    element.className = "card";
    const head = document.createElement("div");
    const title = document.createElement("strong");
    title.textContent = name;
    head.append(title, ` ${said.type}${said.required ? " · required" : ""}`);
    element.append(head);
    for (const text of [said.description, said.more].filter((one) => one !== "")) {
        const line = document.createElement("div");
        line.textContent = text;
        element.append(line);
    }
    return element;
}
