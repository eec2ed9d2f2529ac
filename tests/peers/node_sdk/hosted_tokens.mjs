// What the codes of finished sign-ins are good for.

import Nylas from "nylas";
import { input, nylas, refusal, report } from "./client.mjs";

const ask = { clientId: input.clientId, redirectUri: input.redirectUri };
const { plain, online, pkce, stolen } = input.codes;

const held = await nylas.auth.exchangeCodeForToken({ ...ask, code: plain });
const fresh = await nylas.auth.refreshAccessToken({ ...ask, refreshToken: held.refreshToken });
const ofAccess = await nylas.auth.accessTokenInfo(fresh.accessToken);
const ofId = await nylas.auth.idTokenInfo(held.idToken);
const mine = new Nylas({ apiKey: held.accessToken, apiUri: input.apiUri, timeout: 60 });
const me = await mine.grants.find({ grantId: "me" });
const revoked = await nylas.auth.revoke(held.accessToken);
const onlineOnly = await nylas.auth.exchangeCodeForToken({ ...ask, code: online });
const verified = await nylas.auth.exchangeCodeForToken({ ...ask, code: pkce, codeVerifier: input.verifier });
const grant = await nylas.grants.find({ grantId: held.grantId });
report({
  held: { ...held, accessToken: undefined, idToken: undefined, refreshToken: Boolean(held.refreshToken) },
  fresh: fresh.grantId,
  isNew: fresh.accessToken !== held.accessToken,
  ofAccess: ofAccess.data,
  ofId: ofId.data,
  me: me.data.id,
  revoked,
  dead: await refusal(() => nylas.auth.accessTokenInfo(held.accessToken)),
  onlineRefreshToken: onlineOnly.refreshToken ?? null,
  verified: verified.grantId,
  unverified: await refusal(() => nylas.auth.exchangeCodeForToken({ ...ask, code: stolen })),
  spent: await refusal(() => nylas.auth.exchangeCodeForToken({ ...ask, code: online })),
  grant: grant.data,
});
