/** A call that did not work: the API's own message, what to do, and the id that its log entry stands under. */

import { Notice } from "../../shared/parts";
import type { Problem } from "../core/api";

export function Failure({ problem, again }: { problem: Problem | undefined; again?: () => void }) {
    if (!problem) {
        return null;
    }
    const remedy = problem.provider?.remedy;
    return (
        <Notice tone="wrong">
            <p>{problem.message}</p>
            {remedy && !problem.message.includes(remedy) && <p>{remedy}</p>}
            {problem.requestId && (
                <p class="soft small">
                    Request <code>{problem.requestId}</code>
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
