// A connector and a grant for each request of the input; reports the grants as made and as found by address.

import { input, nylas, report } from "./client.mjs";

const grants = [];
for (const { connector, custom } of input.requests) {
  await nylas.connectors.create({ requestBody: connector });
  const made = await nylas.auth.customAuthentication({ requestBody: custom });
  const found = await nylas.grants.find({ grantId: made.data.email });
  grants.push({ made: made.data, found: found.data });
}
report(grants);
