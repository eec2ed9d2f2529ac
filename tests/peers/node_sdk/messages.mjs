import { input, nylas, refusal, report } from "./client.mjs";

const identifier = input.grant;
const folders = (await nylas.folders.list({ identifier })).data.map((one) => one.name);
const made = (await nylas.folders.create({ identifier, requestBody: { name: "Rechnungen für 2026" } })).data;
await nylas.folders.find({ identifier, folderId: made.id });
const renamed = (await nylas.folders.update({ identifier, folderId: made.id, requestBody: { name: "Work" } })).data;

const pages = [];
const queryParams = { in: ["INBOX"], limit: 2 };
let page = await nylas.messages.list({ identifier, queryParams });
for (;;) {
  pages.push(page.data.map((one) => one.id));
  if (!page.nextCursor) break;
  page = await nylas.messages.list({ identifier, queryParams: { ...queryParams, pageToken: page.nextCursor } });
}
const anyEmail = ["ana@example.com", "x@example.com"];
const filtered = (
  await nylas.messages.list({ identifier, queryParams: { in: ["INBOX"], unread: true, anyEmail } })
).data.map((one) => one.id);
const messageId = encodeURIComponent("<1@example.com>");
const subject = (await nylas.messages.find({ identifier, messageId })).data.subject;
const requestBody = { unread: false, starred: true, folders: ["Work"] };
const changed = (await nylas.messages.update({ identifier, messageId, requestBody })).data;

const withFile = (await nylas.messages.find({ identifier, messageId: "<2@example.com>" })).data;
const [attachment] = withFile.attachments;
const given = { identifier, attachmentId: attachment.id, queryParams: { messageId: "<2@example.com>" } };
const file = (await nylas.attachments.find(given)).data;
const bytes = (await nylas.attachments.downloadBytes(given)).length;
let streamed = 0;
for await (const piece of await nylas.attachments.download(given)) streamed += piece.length;
let node = 0;
for await (const piece of await nylas.attachments.downloadNodeStream(given)) node += piece.length;

const metadata = { key1: "a:b", orderNo: "17" };
await nylas.messages.update({ identifier, messageId: "<2@example.com>", requestBody: { metadata } });
const keyed = (
  await nylas.messages.list({ identifier, queryParams: { metadataPair: { key1: "a:b" } } })
).data.map((one) => [one.id, one.metadata]);
const cleaned = (
  await nylas.messages.cleanMessages({
    identifier,
    requestBody: { messageId: ["<2@example.com>"], htmlAsMarkdown: true, ignoreLinks: true },
  })
).data.map((one) => one.conversation);

const people = (await nylas.contacts.list({ identifier, queryParams: { source: "inbox" } })).data;
const person = (await nylas.contacts.find({ identifier, contactId: people[1].id, queryParams: {} })).data.surname;
const groups = (await nylas.contacts.groups({ identifier })).data;

await nylas.messages.destroy({ identifier, messageId: "<3@example.com>" });
const trashed = (await nylas.messages.find({ identifier, messageId: "<3@example.com>" })).data.folders;
await nylas.folders.destroy({ identifier, folderId: "Work" });
const gone = await refusal(() => nylas.messages.find({ identifier, messageId }));
report({
  folders,
  made,
  renamed,
  pages,
  filtered,
  subject,
  changed: { unread: changed.unread, starred: changed.starred, folders: changed.folders },
  file,
  bytes,
  streamed,
  node,
  keyed,
  people: people.map((one) => one.emails[0].email),
  person,
  groups,
  cleaned,
  trashed,
  gone,
});
