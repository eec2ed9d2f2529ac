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
const rotated = (await nylas.webhooks.rotateSecret({ webhookId })).data;
const addresses = (await nylas.webhooks.ipAddresses()).data;
const destroyed = (await nylas.webhooks.destroy({ webhookId })).data;
const gone = await refusal(() => nylas.webhooks.find({ webhookId }));
report({ made, listed, found, changed, rotated, addresses, destroyed, gone });
