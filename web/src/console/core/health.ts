/** How connectors and webhooks do. Read apart from what it stands beside, which is there without it. */

import { get } from "./api";
import { type Loaded, useLoad } from "./load";
import type { Overview } from "./wire";

export function useHealth(): Loaded<Overview> {
    return useLoad((signal) => get<Overview>("/v3/overview", { hours: 1 }, signal), []);
}
