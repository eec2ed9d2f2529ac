/** The state of connectors and webhooks, loaded separately from the page that shows it. */

import { get } from "./api";
import { type Loaded, useLoad } from "./load";
import type { Overview } from "./wire";

export function useHealth(): Loaded<Overview> {
    return useLoad((signal) => get<Overview>("/v3/overview", { hours: 1 }, signal), []);
}
