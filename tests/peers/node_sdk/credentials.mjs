import { input, nylas, refusal, report } from "./client.mjs";

await nylas.connectors.create({ requestBody: { provider: "google", settings: input.settings } });
const credentials = nylas.connectors.credentials;
const made = await credentials.create({
  provider: "google",
  requestBody: { name: "Second client", credentialType: "connector", credentialData: input.settings },
});
const account = await credentials.create({
  provider: "google",
  // The SDK writes `x509` as `x_509`: keys with digits must not be held against it.
  requestBody: { name: "Service account", credentialType: "serviceaccount", credentialData: input.serviceAccount },
});
const credentialsId = made.data.id;
const listed = await credentials.list({ provider: "google", queryParams: { limit: 50, sortBy: "createdAt" } });
const found = await credentials.find({ provider: "google", credentialsId });
const renamed = await credentials.update({ provider: "google", credentialsId, requestBody: { name: "Renamed" } });
const grant = await nylas.auth.customAuthentication({
  requestBody: { provider: "google", settings: { refreshToken: input.refreshToken, credentialId: credentialsId } },
});
const destroyed = await credentials.destroy({ provider: "google", credentialsId });
const gone = await refusal(() => credentials.find({ provider: "google", credentialsId }));
report({
  made: made.data,
  account: account.data,
  listed: listed.data.map((one) => one.name),
  found: found.data,
  renamed: renamed.data,
  grant: grant.data,
  destroyed: destroyed.requestId,
  gone,
});
