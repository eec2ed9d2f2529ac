import { input, nylas, refusal, report } from "./client.mjs";

const identifier = input.grant;
const made = (
  await nylas.drafts.create({
    identifier,
    requestBody: {
      to: [{ email: "ana@example.com", name: "Ana" }],
      replyTo: [{ email: "r@example.com" }],
      subject: "Grüße",
      body: "<p>Hi</p>",
      attachments: [{ filename: "s.txt", contentType: "text/plain", content: Buffer.from("x").toString("base64") }],
    },
  })
).data;
const draftId = made.id;
const found = (await nylas.drafts.find({ identifier, draftId })).data;

const content = Buffer.alloc(input.size, "%PDF").toString("base64");
const attachments = [{ filename: "l.pdf", contentType: "application/pdf", content, size: input.size }];
const requestBody = { subject: "Larger", attachments };
const changed = (await nylas.drafts.update({ identifier, draftId, requestBody })).data;
const [attachment] = changed.attachments;
const given = { identifier, attachmentId: attachment.id, queryParams: { messageId: draftId } };
const bytes = (await nylas.attachments.downloadBytes(given)).length;

const pages = [];
let page = await nylas.drafts.list({ identifier, queryParams: { limit: 1 } });
for (;;) {
  pages.push(page.data.map((one) => one.subject));
  if (!page.nextCursor) break;
  page = await nylas.drafts.list({ identifier, queryParams: { limit: 1, pageToken: page.nextCursor } });
}
const queryParams = { to: ["ana@example.com"], anyEmail: ["ana@example.com"], hasAttachment: true };
const filtered = (await nylas.drafts.list({ identifier, queryParams })).data.map((one) => one.subject);

const { object, subject, folders } = (await nylas.drafts.send({ identifier, draftId })).data;

await nylas.drafts.destroy({ identifier, draftId: "<2@example.com>" });
const gone = await refusal(() => nylas.drafts.find({ identifier, draftId: "<2@example.com>" }));
report({
  made,
  found,
  same: changed.id === made.id,
  subject: changed.subject,
  file: attachment.filename,
  bytes,
  pages,
  filtered,
  sent: { object, subject, folders },
  gone,
});
