import Nylas from "nylas";

import { input, nylas, refusal, report } from "./client.mjs";

const stranger = new Nylas({ apiKey: "nyk_v0_wrong", apiUri: input.apiUri });
await nylas.connectors.create({ requestBody: { provider: "google", settings: input.settings } });
report({
  wrongKey: await refusal(() => stranger.grants.list()),
  refusedToken: await refusal(() =>
    nylas.auth.customAuthentication({
      requestBody: { provider: "google", settings: { refreshToken: input.refreshToken } },
    }),
  ),
  noConnector: await refusal(() =>
    nylas.auth.customAuthentication({ requestBody: { provider: "imap", settings: input.imap } }),
  ),
  noProvider: await refusal(() => nylas.auth.customAuthentication({ requestBody: { settings: {} } })),
});
