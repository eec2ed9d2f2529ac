// A page that connects its user by itself: by PKCE, without a server and without a secret. It is its own redirect URI.

import { NylasConnect } from "/connect.mjs";

const settings = await (await fetch("/settings.json")).json();
const nylas = new NylasConnect({ ...settings, debug: false });

/** Show what came of a sign-in: nothing yet, the session and what the server thinks of its token, or an error. */
async function show(signIn) {
  let found;
  try {
    await signIn;
    const session = await nylas.getSession();
    found = { session, status: await nylas.getConnectionStatus() };
  } catch (error) {
    found = { error: error.name };
  }
  document.querySelector("output").textContent = JSON.stringify(found);
}

document.querySelector("#redirect").addEventListener("click", async () => {
  location.assign(await nylas.connect({ provider: "google", scopes: ["openid", "email"] }));
});
document.querySelector("#popup").addEventListener("click", () => show(nylas.connect({ method: "popup" })));
await show(nylas.callback());
