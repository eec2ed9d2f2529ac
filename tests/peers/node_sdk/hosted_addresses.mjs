// The addresses that begin a sign-in, for an application with the input's connectors; nothing is asked of the server.

import { input, nylas, report } from "./client.mjs";

const ask = { clientId: input.clientId, redirectUri: input.redirectUri };
const pkce = nylas.auth.urlForOAuth2PKCE({ ...ask, provider: "google", accessType: "offline" });
report({
  plain: nylas.auth.urlForOAuth2({
    ...ask,
    provider: "google",
    accessType: "offline",
    scope: ["openid", "email"],
    state: "s & 1",
    loginHint: input.loginHint,
    includeGrantScopes: true,
    prompt: "select_provider,detect",
  }),
  online: nylas.auth.urlForOAuth2({ ...ask, provider: "google" }),
  pkce: pkce.url,
  verifier: pkce.secret,
  outgoing: nylas.auth.urlForOAuth2({ ...ask, provider: "imap", smtpRequired: true }),
  consent: nylas.auth.urlForAdminConsent({ ...ask, credentialId: input.credentialId, state: "s" }),
});
