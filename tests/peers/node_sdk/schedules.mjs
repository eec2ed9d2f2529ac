import { input, nylas, refusal, report } from "./client.mjs";

const identifier = input.grant;
const requestBody = { to: [{ email: "ana@example.com" }], subject: "Later", body: "Hello", sendAt: input.sendAt };
const made = (await nylas.messages.send({ identifier, requestBody })).data;
const scheduleId = made.scheduleId;
const listed = (await nylas.messages.listScheduledMessages({ identifier })).data.map((one) => one.status.code);
const found = (await nylas.messages.findScheduledMessage({ identifier, scheduleId })).data.status.code;
const stopped = (await nylas.messages.stopScheduledMessage({ identifier, scheduleId })).data.message;
const then = (await nylas.messages.findScheduledMessage({ identifier, scheduleId })).data;
const again = await refusal(() => nylas.messages.stopScheduledMessage({ identifier, scheduleId }));
report({
  made: { grantId: made.grantId, sendAt: made.sendAt, scheduled: Boolean(scheduleId) },
  listed,
  found,
  stopped,
  then: then.status,
  closed: Boolean(then.closeTime),
  again,
});
