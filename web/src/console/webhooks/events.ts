/** Events that a webhook can be sent, in groups. */

export interface Group {
    title: string;
    /** When they are sent, or why they are not ticked at first. */
    note?: string;
    events: [trigger: string, means: string][];
    /** Only this server sends them, so SDKs do not know them. */
    own?: true;
}

export const GROUPS: Group[] = [
    {
        title: "Grants",
        events: [
            ["grant.created", "A mailbox was connected for the first time."],
            ["grant.updated", "A grant was changed, or its mailbox connected again."],
            ["grant.expired", "A grant became invalid: its owner must reconnect. The reason is in the event."],
            ["grant.deleted", "A grant was deleted."],
        ],
    },
    {
        title: "Messages",
        note: "Of IMAP, iCloud and Yahoo mailboxes. The first three make the server watch every mailbox.",
        events: [
            ["message.created", "A message arrived, or was put into a folder."],
            ["message.updated", "A message was read, starred or moved."],
            ["message.deleted", "A message was deleted."],
            ["message.send_success", "A message with a time to send was sent."],
            ["message.send_failed", "A message with a time to send was given up."],
        ],
    },
    {
        title: "Folders",
        note: "Of IMAP, iCloud and Yahoo mailboxes. They make the server watch every mailbox.",
        events: [
            ["folder.created", "A folder was created."],
            ["folder.updated", "A folder was renamed."],
            ["folder.deleted", "A folder was deleted."],
        ],
    },
    {
        title: "Calendars",
        note: "Of calendars that this server keeps: virtual calendars and Agent Accounts.",
        events: [
            ["calendar.created", "A calendar was created."],
            ["calendar.updated", "A calendar was changed."],
            ["calendar.deleted", "A calendar was deleted."],
            ["event.created", "An event was created."],
            ["event.updated", "An event, or one occurrence of a series, was changed."],
            ["event.deleted", "An event, or one occurrence of a series, was deleted."],
        ],
    },
    {
        title: "Connectors",
        note: "Only OpenGrant sends these, so they are not selected at first: SDKs for the Nylas API do not know them, and the Python SDK fails when it lists a webhook that has them.",
        own: true,
        events: [
            ["connector.degraded", "Many grants of a connector fail the same way: check the connector."],
            ["connector.recovered", "The connector works again."],
        ],
    },
];

/** Selected in a new webhook. */
export const AT_FIRST = GROUPS.filter(({ title }) => title === "Grants").flatMap(({ events }) =>
    events.map(([trigger]) => trigger),
);
const OWN = new Set(GROUPS.filter(({ own }) => own).flatMap(({ events }) => events.map(([trigger]) => trigger)));

export function isOwn(trigger: string): boolean {
    return OWN.has(trigger);
}
