// Improves pages that work without scripts: reveals passwords, shows fitting help and progress.
"use strict";

for (const button of document.querySelectorAll(".reveal")) {
  const input = button.parentElement.querySelector("input");
  const { dataset } = button;
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? dataset.hide : dataset.show;
    button.setAttribute("aria-label", shown ? dataset.hideField : dataset.showField);
    button.setAttribute("aria-pressed", String(shown));
  };
  button.hidden = false;
  button.addEventListener("click", () => show(input.type === "password"));
  // Browsers restore text fields, but not passwords.
  input.form.addEventListener("submit", () => show(false));
}

const help = document.querySelector(".help");
const email = document.getElementById("email");
if (help && email) {
  const services = [...help.querySelectorAll(".service")];
  const title = help.querySelector(".title");
  const usual = title.textContent;
  const serves = (service, domain) =>
    service.dataset.domains
      .split(" ")
      .some((known) => (known.endsWith("*") ? domain.startsWith(known.slice(0, -1)) : domain === known));
  email.addEventListener("change", () => {
    const domain = email.value.trim().toLowerCase().split("@").pop();
    const fitting = services.length > 1 && domain ? services.find((service) => serves(service, domain)) : undefined;
    for (const service of services) service.hidden = fitting !== undefined && service !== fitting;
    help.classList.toggle("is-known", fitting !== undefined);
    title.textContent = fitting ? fitting.dataset.title : usual;
    if (fitting) help.open = true;
  });
}

// A field with an error may be inside a fold.
document.addEventListener(
  "invalid",
  (event) => {
    const fold = event.target.closest("details");
    if (fold) fold.open = true;
  },
  true,
);
for (const link of document.querySelectorAll(".summary a")) {
  link.addEventListener("click", (event) => {
    const field = document.getElementById(link.hash.slice(1));
    if (!field) return;
    event.preventDefault();
    const fold = field.closest("details");
    if (fold) fold.open = true;
    field.focus();
  });
}

const SLOW = 10_000;
const statuses = [...document.querySelectorAll("[data-busy]")];
let waiting;
// Names only what the page knows: the entered servers or those it shows, or the domain of the address.
const list = new Intl.ListFormat(document.documentElement.lang);
const still = (form, status) => {
  const value = (name) => form.elements[name]?.value.trim() ?? "";
  const shown = (status.dataset.servers ?? "").split(" ").map((server) => server.replace("*.", ""));
  const typed = ["imap_host", "smtp_host", "host"].map(value);
  const servers = [typed, shown].map((names) => names.filter(Boolean)).find((names) => names.length) ?? [];
  const domain = value("email").split("@").pop();
  return status.dataset.still?.replace("{domain}", () => domain).replace("{servers}", () => list.format(servers));
};
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (document.body.classList.contains("is-busy")) {
      event.preventDefault();
      return;
    }
    document.body.classList.add("is-busy");
    event.submitter?.classList.add("is-pressed");
    const status = form.querySelector("[data-busy]");
    if (status) {
      status.textContent = status.dataset.busy;
      const later = event.submitter?.name ? undefined : still(form, status);
      if (later) waiting = setTimeout(() => (status.textContent = later), SLOW);
    }
    // After the submission has started: a disabled button does not send its value.
    setTimeout(() => {
      for (const button of document.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
    });
  });
}

// After the browser's back button the form can be sent again.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  clearTimeout(waiting);
  document.body.classList.remove("is-busy");
  for (const status of statuses) status.textContent = "";
  for (const button of document.querySelectorAll("button")) {
    button.removeAttribute("aria-disabled");
    button.classList.remove("is-pressed");
  }
});
