// Opens a mailbox as imapflow's users do: IDLE, CONDSTORE, streams of literals. Reports what it saw.
import { ImapFlow } from "imapflow";

const { port, user, pass } = JSON.parse(process.env.OPENGRANT_TEST_INPUT);
const client = new ImapFlow({
    host: "localhost",
    port,
    secure: true,
    auth: { user, pass },
    logger: false,
    tls: { rejectUnauthorized: false },
});
await client.connect();
const enabled = [...client.capabilities.keys()];
const folder = `flow-${process.pid}-${Date.now()}`;
await client.mailboxCreate(folder);
const text = `Subject: flow\r\n\r\n${"line of text\r\n".repeat(50_000)}`;
await client.append(folder, text, ["\\Seen"]);
const lock = await client.getMailboxLock(folder);
const report = { enabled, exists: client.mailbox.exists };
try {
    const { content } = await client.download("1");
    let size = 0;
    for await (const chunk of content) {
        size += chunk.length;
    }
    report.size = size;
    report.wanted = text.length;
    report.flagged = await client.messageFlagsAdd("1", ["\\Flagged"]);
    const [message] = await client.fetchAll("1", { flags: true, envelope: true });
    report.flags = [...message.flags];
    report.subject = message.envelope.subject;
    report.told = await new Promise((resolve) => {
        client.on("exists", (event) => resolve(event.count));
        client.idle();
        const other = new ImapFlow({ ...client.options, logger: false });
        other.connect().then(async () => {
            await other.append(folder, "Subject: second\r\n\r\n");
            await other.logout();
        });
    });
} finally {
    lock.release();
}
await client.logout();
process.stdout.write(JSON.stringify(report));
