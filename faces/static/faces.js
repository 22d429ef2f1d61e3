// Components of govuk-frontend, the passkey button, and parts that renew themselves. Nothing else needs script.
import { initAll } from "./govuk-frontend.min.js";

document.body.classList.add("js-enabled", "govuk-frontend-supported");
initAll();

// A passkey ceremony: the options stand in the form, the browser's answer becomes a field of it.
const verbs = {
  create: (options) =>
    navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) }),
  get: (options) =>
    navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }),
};

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = form.querySelector("[data-passkey-error]");
    const button = form.querySelector("button");
    said.textContent = "";
    button.disabled = true;
    try {
      const credential = await verbs[form.dataset.passkey](JSON.parse(form.dataset.options));
      form.elements.credential.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch (error) {
      said.textContent = `The passkey was not used (${error.name}). Try again.`;
      button.disabled = false;
    }
  });
}

// Parts that renew themselves: each is asked for again when it is due, and never while nobody looks.
const asked = new WeakMap();
setInterval(() => {
  if (document.hidden) return;
  for (const part of document.querySelectorAll("[data-poll]")) {
    const now = Date.now();
    if (!asked.has(part)) asked.set(part, now);
    if (now - asked.get(part) >= 1000 * Number(part.dataset.poll)) {
      asked.set(part, now);
      part.dispatchEvent(new CustomEvent("poll"));
    }
  }
}, 500);
