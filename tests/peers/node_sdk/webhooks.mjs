import { input, nylas, refusal, report } from "./client.mjs";

const made = (
  await nylas.webhooks.create({
    requestBody: { triggerTypes: ["grant.created", "grant.expired"], webhookUrl: input.webhookUrl, description: "ours" },
  })
).data;
const webhookId = made.id;
const listed = (await nylas.webhooks.list()).data;
const found = (await nylas.webhooks.find({ webhookId })).data;
const changed = (await nylas.webhooks.update({ webhookId, requestBody: { status: "pause", compressedDelivery: true } })).data;
// What the console's form sends when all of its boxes are ticked.
const own = { trigger_types: ["connector.degraded", "connector.recovered"] };
await fetch(`${input.apiUri}/v3/webhooks/${webhookId}`, {
  method: "PUT",
  headers: { authorization: `Bearer ${input.apiKey}`, "content-type": "application/json" },
  body: JSON.stringify({ trigger_types: ["grant.created", ...own.trigger_types], opengrant: own }),
});
const ticked = (await nylas.webhooks.list()).data[0].triggerTypes;
const rotated = (await nylas.webhooks.rotateSecret({ webhookId })).data;
const addresses = (await nylas.webhooks.ipAddresses()).data;
const destroyed = (await nylas.webhooks.destroy({ webhookId })).data;
const gone = await refusal(() => nylas.webhooks.find({ webhookId }));
report({ made, listed, found, changed, ticked, rotated, addresses, destroyed, gone });
