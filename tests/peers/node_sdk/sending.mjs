import { input, nylas, refusal, report } from "./client.mjs";

const identifier = input.grant;
const to = [{ email: "ana@example.com", name: "Ana" }];
const requestBody = { to, subject: "Plain", body: "<p>Hi</p>", replyToMessageId: "<1@example.com>" };
const plain = (await nylas.messages.send({ identifier, requestBody })).data;

const content = Buffer.alloc(input.size, "%PDF").toString("base64");
const attachments = [
  { filename: "l.pdf", contentType: "application/pdf", content, size: input.size },
  {
    filename: "i.png",
    contentType: "image/png",
    content: Buffer.from("png").toString("base64"),
    size: 3,
    contentId: "i",
    isInline: true,
  },
];
const large = (
  await nylas.messages.send({
    identifier,
    requestBody: { to, subject: "Large", body: '<img src="cid:i">', attachments },
  })
).data;
const refused = await refusal(() =>
  nylas.messages.send({ identifier, requestBody: { to: [{ email: "gone@example.test" }], subject: "x" } }),
);
report({ plain, large: large.attachments.map((one) => [one.filename, one.isInline]), refused });
