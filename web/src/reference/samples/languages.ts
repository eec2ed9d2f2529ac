/** The languages that requests are shown in. */

import type { Call } from "./call";
import { curl } from "./curl";
import { go } from "./go";
import { java } from "./java";
import { node } from "./node";
import { php } from "./php";
import { python } from "./python";
import { ruby } from "./ruby";

export type Language = "curl" | "python" | "node" | "go" | "ruby" | "java" | "php";

export const LANGUAGES: { name: Language; title: string; write: (call: Call) => string }[] = [
    { name: "curl", title: "curl", write: curl },
    { name: "python", title: "Python", write: python },
    { name: "node", title: "Node", write: node },
    { name: "go", title: "Go", write: go },
    { name: "ruby", title: "Ruby", write: ruby },
    { name: "java", title: "Java", write: java },
    { name: "php", title: "PHP", write: php },
];

export function isLanguage(name: string): name is Language {
    return LANGUAGES.some((one) => one.name === name);
}
