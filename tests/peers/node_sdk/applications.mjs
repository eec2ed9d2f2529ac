import { input, nylas, refusal, report } from "./client.mjs";

const uris = nylas.applications.redirectUris;
const details = (await nylas.applications.getDetails()).data;
const made = (await uris.create({ requestBody: { url: input.url } })).data;
const page = (
  await uris.create({
    requestBody: { url: `${input.url}/page`, platform: "js", settings: { origin: "https://app.example.com" } },
  })
).data;
const android = (
  await uris.create({
    requestBody: {
      url: "com.example.app://oauth",
      platform: "android",
      settings: { packageName: "com.example.app", sha1CertificateFingerprint: "AA:BB" },
    },
  })
).data;
const found = (await uris.find({ redirectUriId: page.id })).data;
const moved = (await uris.update({ redirectUriId: made.id, requestBody: { url: `${input.url}/2` } })).data;
const listed = await uris.list();
const refused = await refusal(() => uris.create({ requestBody: { url: "http://example.com/" } }));
const destroyed = await uris.destroy({ redirectUriId: android.id });
const updated = await nylas.applications.update({
  requestBody: {
    branding: { name: "Acme", websiteUrl: "https://example.com" },
    hostedAuthentication: { title: "Connect", colorPrimary: "#0b57d0", spacing: 5 },
    additionalSettings: { rotateRefreshToken: true, refreshTokenExpirationIdle: 3600 },
  },
});
report({
  details,
  made,
  page,
  android,
  found,
  moved,
  listed: listed.data.map((one) => one.url),
  listedUnder: listed.requestId,
  refused,
  destroyed: destroyed.requestId,
  updated: updated.data,
  updatedUnder: updated.requestId,
});
