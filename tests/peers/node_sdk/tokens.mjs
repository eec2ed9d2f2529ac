import Nylas from "nylas";
import { input, nylas, refusal, report } from "./client.mjs";

const ask = { clientId: input.clientId, refreshToken: input.refreshToken, redirectUri: "https://app.example.com/back" };

/** The SDK's OAuth error has a word of its own. */
async function oauthRefusal(call) {
  let word;
  const seen = await refusal(async () => {
    try {
      return await call();
    } catch (caught) {
      word = caught.error;
      throw caught;
    }
  });
  return { ...seen, error: word };
}

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
  dead: await oauthRefusal(() => nylas.auth.accessTokenInfo(fresh.accessToken)),
  spent: await oauthRefusal(() => nylas.auth.refreshAccessToken(ask)),
  stranger: await oauthRefusal(() => nylas.auth.refreshAccessToken({ ...ask, clientId: "nobody" })),
});
