import { input, nylas, refusal, report } from "./client.mjs";

const made = await nylas.connectors.create({
  requestBody: { name: "Ours", provider: "google", settings: input.settings, scope: ["openid"] },
});
const listed = await nylas.connectors.list({ queryParams: { limit: 5 } });
const pages = [];
for await (const page of nylas.connectors.list({})) pages.push(page.data.length);
const changed = await nylas.connectors.update({
  provider: "google",
  requestBody: { settings: { topicName: "projects/p/topics/t" }, scope: ["openid", "email"] },
});
const found = await nylas.connectors.find({ provider: "google" });
const destroyed = await nylas.connectors.destroy({ provider: "google" });
const gone = await refusal(() => nylas.connectors.find({ provider: "google" }));
report({
  made: made.data,
  listed: listed.data.map((one) => one.provider),
  pages,
  changed: changed.data,
  found: found.data,
  destroyed: destroyed.requestId,
  gone,
});
