import { nylas, refusal, report } from "./client.mjs";

const withoutConnector = await nylas.auth.detectProvider({ email: "ana@gmail.com" });
const anyProvider = await nylas.auth.detectProvider({ email: "ana+tag@gmail.com", allProviderTypes: true });
await nylas.connectors.create({ requestBody: { provider: "imap" } });
const byImap = await nylas.auth.detectProvider({ email: "fay@icloud.com" });
report({
  withoutConnector: withoutConnector.data,
  anyProvider: anyProvider.data,
  byImap: byImap.data,
  noAddress: await refusal(() => nylas.auth.detectProvider({ email: "nobody" })),
});
