// What every script shares: its input, the client, and how it reports.
// The client is the official SDK with nothing changed but its base URL.

import Nylas from "nylas";

export const input = JSON.parse(process.env.OPENGRANT_TEST_INPUT);
export const nylas = new Nylas({ apiKey: input.apiKey, apiUri: input.apiUri, timeout: 60 });

/** What a caller that catches the SDK's error can see of it. Throws when the call is not refused. */
export async function refusal(call) {
  try {
    await call();
  } catch (error) {
    const { name, message, type, statusCode, requestId, providerError, error: word } = error; // `word`: OAuth's
    return { kind: error.constructor.name, name, message, type, statusCode, requestId, providerError, error: word };
  }
  throw new Error("the call was not refused");
}

export function report(findings) {
  process.stdout.write(JSON.stringify(findings));
}
