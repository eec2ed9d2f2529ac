// Calls every method of some resources, with a known key and without one, and reports the status of each answer.

import Nylas from "nylas";

import { input, nylas, refusal, report } from "./client.mjs";

/** [name, call] of each method of a resource and of those below it. */
function* methods(resource, name) {
  for (const [below, value] of Object.entries(resource)) {
    if (below !== "apiClient" && value && typeof value === "object") yield* methods(value, `${name}.${below}`);
  }
  for (const method of Object.getOwnPropertyNames(Object.getPrototypeOf(resource))) {
    if (method !== "constructor" && !method.startsWith("_") && typeof resource[method] === "function") {
      yield [`${name}.${method}`, (given) => resource[method](given)];
    }
  }
}

// Whatever a method names, it finds; what it does not name, it does not read.
const given = new Proxy(
  { requestBody: {}, queryParams: {} },
  { get: (some, name) => some[name] ?? (name === "overrides" ? undefined : "one") },
);

async function ask(client) {
  const found = {};
  for (const name of input.resources) {
    for (const [method, call] of methods(client[name], name)) {
      found[method] = await refusal(async () => await call(given)).then(
        (refused) => refused.statusCode ?? `${refused.kind}: ${refused.message}`,
        (problem) => problem.message,
      );
    }
  }
  return found;
}

report({
  known: await ask(nylas),
  unknown: await ask(new Nylas({ apiKey: "nyk_v0_wrong", apiUri: input.apiUri })),
});
