import { nylas, refusal, report } from "./client.mjs";

await nylas.connectors.create({ requestBody: { provider: "virtual-calendar" } });
const connect = async (email, more) => {
  const requestBody = { provider: "virtual-calendar", settings: { email }, ...more };
  return (await nylas.auth.customAuthentication({ requestBody })).data;
};
const made = (await nylas.workspaces.create({ requestBody: { name: "Example", domain: "example.com" } })).data;
const workspaceId = made.workspaceId;
const found = (await nylas.workspaces.find({ workspaceId: "example.com" })).data;
const changed = await nylas.workspaces.update({ workspaceId, requestBody: { name: "New" } });
const ruled = await refusal(() => nylas.workspaces.update({ workspaceId, requestBody: { ruleIds: ["r"] } }));
const grouped = await connect("ana@example.com");
const room = await connect("room-7");
const assigned = await nylas.workspaces.manualAssign({
  workspaceId,
  requestBody: { assignGrants: [room.id] },
});
const removed = await nylas.workspaces.manualAssign({
  workspaceId,
  requestBody: { removeGrants: [room.id] },
});
const listed = await nylas.workspaces.list();
const job = await nylas.workspaces.autoGroup();
const tooOften = await refusal(() => nylas.workspaces.autoGroup({ requestBody: { invalidAlso: true } }));
const home = listed.data.find((one) => one.default);
const undeletable = await refusal(() => nylas.workspaces.destroy({ workspaceId: home.workspaceId }));
const destroyed = await nylas.workspaces.destroy({ workspaceId });
report({
  made,
  found,
  changed: changed.data,
  ruled,
  grouped,
  room,
  assigned: assigned.data,
  removed: removed.data,
  listed: listed.data.map((one) => one.name),
  job: job.data,
  tooOften,
  undeletable,
  destroyed: destroyed.requestId,
});
