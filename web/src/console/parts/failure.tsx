/** A failed call: the API's message, the remedy, and the request id of its log entry. */

import { Notice } from "../../shared/parts";
import type { Problem } from "../core/api";
import { href } from "../core/route";

export function Failure({
    problem,
    lead,
    again,
}: {
    problem: Problem | undefined;
    /** The name of what is missing, if the page does not show it. */
    lead?: string;
    again?: () => void;
}) {
    if (!problem) {
        return null;
    }
    const remedy = problem.provider?.remedy;
    return (
        <Notice tone="wrong">
            {lead && <p>{lead}</p>}
            <p>{problem.message}</p>
            {remedy && !problem.message.includes(remedy) && <p>{remedy}</p>}
            {problem.requestId && (
                <p class="soft small">
                    Request <code>{problem.requestId}</code> {/* In another tab: what was typed into a form stays. */}
                    <a href={href(["requests", problem.requestId])} target="_blank" rel="noopener">
                        Look up<span class="visually-hidden"> the request, in a new tab</span>
                    </a>
                </p>
            )}
            {again && (
                <button type="button" class="button" onClick={again}>
                    Try again
                </button>
            )}
        </Notice>
    );
}
