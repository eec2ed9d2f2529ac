// Names the methods of some resources.

import { input, nylas, report } from "./client.mjs";

const found = [];
for (const resource of input.resources) {
  for (const method of Object.getOwnPropertyNames(Object.getPrototypeOf(nylas[resource]))) {
    const internal = method === "constructor" || method.startsWith("_");
    if (!internal && typeof nylas[resource][method] === "function") found.push(`${resource}.${method}`);
  }
}
report(found);
