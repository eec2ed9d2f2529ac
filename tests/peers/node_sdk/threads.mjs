import { input, nylas, refusal, report } from "./client.mjs";

const identifier = input.grant;
const pages = [];
const queryParams = { anyEmail: ["ana@example.com", "eve@example.com"], limit: 1 };
let page = await nylas.threads.list({ identifier, queryParams });
for (;;) {
  pages.push(page.data.map((one) => one.messageIds));
  if (!page.nextCursor) break;
  page = await nylas.threads.list({ identifier, queryParams: { ...queryParams, pageToken: page.nextCursor } });
}
const [thread] = (await nylas.threads.list({ identifier, queryParams: { subject: "plans" } })).data;
const threadId = thread.id;
const found = (await nylas.threads.find({ identifier, threadId })).data;
const requestBody = { unread: false, starred: true, folders: ["Work"] };
const changed = (await nylas.threads.update({ identifier, threadId, requestBody })).data;
await nylas.threads.destroy({ identifier, threadId });
const trashed = (await nylas.threads.find({ identifier, threadId })).data.folders;
await nylas.threads.destroy({ identifier, threadId });
const gone = await refusal(() => nylas.threads.find({ identifier, threadId }));
report({
  pages,
  latest: found.latestDraftOrMessage.object,
  hasDrafts: found.hasDrafts,
  changed: { unread: changed.unread, starred: changed.starred, folders: changed.folders },
  trashed,
  gone,
});
