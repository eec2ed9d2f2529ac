import { nylas, refusal, report } from "./client.mjs";

await nylas.connectors.create({ requestBody: { provider: "virtual-calendar" } });
const made = await nylas.auth.customAuthentication({
  requestBody: { provider: "virtual-calendar", settings: { email: "room-7" }, state: "floor-2" },
});
await nylas.auth.customAuthentication({
  requestBody: { provider: "virtual-calendar", settings: { email: "desk@example.com" } },
});
const grantId = made.data.id;
const listed = await nylas.grants.list({ queryParams: { limit: 1, sortBy: "created_at", orderBy: "asc" } });
const all = await nylas.grants.list();
const found = await nylas.grants.find({ grantId });
const byEmail = await nylas.grants.find({ grantId: "email:desk@example.com" });
const updated = await nylas.grants.update({ grantId, requestBody: { scope: ["calendar"] } });
const destroyed = await nylas.grants.destroy({ grantId });
const gone = await refusal(() => nylas.grants.find({ grantId }));
report({
  made: made.data,
  listed: listed.data.map((one) => one.email),
  nextCursor: listed.nextCursor ?? null,
  all: all.data.map((one) => one.email),
  found: found.data,
  byEmail: byEmail.data.email,
  updated: updated.data,
  destroyed: destroyed.requestId,
  gone,
});
