import { input, nylas, refusal, report } from "./client.mjs";

const identifier = input.room;
const { nine } = input;
const hour = 3600;
const zone = "Europe/Berlin";
const calendars = (await nylas.calendars.list({ identifier })).data.map((one) => one.name);
const made = (
  await nylas.calendars.create({ identifier, requestBody: { name: "Other", timezone: zone, metadata: { key1: "a" } } })
).data;
const calendarId = made.id;
const changed = (
  await nylas.calendars.update({ identifier, calendarId, requestBody: { hexColor: "#00ff00", name: "Van" } })
).data;
const tagged = (await nylas.calendars.list({ identifier, queryParams: { metadataPair: { key1: "a" } } })).data.map(
  (one) => one.id,
);
await nylas.calendars.find({ identifier, calendarId });
await nylas.calendars.destroy({ identifier, calendarId });

const queryParams = { calendarId: "primary" };
const when = { startTime: nine, endTime: nine + hour, startTimezone: zone, endTimezone: zone };
const event = (await nylas.events.create({ identifier, queryParams, requestBody: { title: "Planning", when } })).data;
for (const title of ["Second", "Third"]) {
  const recurrence = title === "Third" ? ["RRULE:FREQ=DAILY;COUNT=3"] : [];
  await nylas.events.create({ identifier, queryParams, requestBody: { title, when, recurrence } });
}
const window = { ...queryParams, start: String(nine), end: String(nine + 40 * 24 * hour) };
let iterated = 0;
const pages = [];
for await (const page of nylas.events.list({ identifier, queryParams: { ...window, limit: 1 } })) {
  pages.push(page.data.length);
  iterated += page.data.length;
}
const expanded = (await nylas.events.list({ identifier, queryParams: { ...window, expandRecurring: true } })).data.length;
const imported = (await nylas.events.listImportEvents({ identifier, queryParams: window })).data.length;
const eventId = event.id;
const retitled = (await nylas.events.update({ identifier, eventId, queryParams, requestBody: { title: "Retro" } })).data
  .title;
const freeBusy = (
  await nylas.calendars.getFreeBusy({
    identifier,
    requestBody: { startTime: nine, endTime: nine + 2 * hour, emails: ["room-12", "nothing"] },
  })
).data;
const slots = (
  await nylas.calendars.getAvailability({
    requestBody: {
      startTime: nine,
      endTime: nine + 2 * hour,
      durationMinutes: 60,
      participants: [{ email: "room-12" }, { email: "van" }],
    },
  })
).data.timeSlots;
const rsvp = await refusal(() =>
  nylas.events.sendRsvp({ identifier, eventId, queryParams, requestBody: { status: "yes" } }),
);
await nylas.events.destroy({ identifier, eventId, queryParams });
const gone = await refusal(() => nylas.events.find({ identifier, eventId, queryParams }));
report({
  calendars,
  made,
  changed,
  tagged,
  event,
  iterated,
  pages,
  expanded,
  imported,
  retitled,
  freeBusy,
  slots,
  rsvp,
  gone,
});
