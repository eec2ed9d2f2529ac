import Nylas from "nylas";
import { input, nylas, refusal, report } from "./client.mjs";

const ask = { clientId: input.clientId, refreshToken: input.refreshToken, redirectUri: "https://app.example.com/back" };

const fresh = await nylas.auth.refreshAccessToken(ask);
const ofAccess = await nylas.auth.accessTokenInfo(fresh.accessToken);
const ofId = await nylas.auth.idTokenInfo(fresh.idToken);
const mine = new Nylas({ apiKey: fresh.accessToken, apiUri: input.apiUri, timeout: 60 });
const me = await mine.grants.find({ grantId: "me" });
const revoked = await nylas.auth.revoke(fresh.accessToken);
report({
  fresh: { ...fresh, accessToken: undefined, idToken: undefined },
  ofAccess: ofAccess.data,
  ofId: ofId.data,
  me: me.data.id,
  revoked,
  dead: await refusal(() => nylas.auth.accessTokenInfo(fresh.accessToken)),
  spent: await refusal(() => nylas.auth.refreshAccessToken(ask)),
  stranger: await refusal(() => nylas.auth.refreshAccessToken({ ...ask, clientId: "nobody" })),
});
