// The local signer's page: asks the browser for a passkey and hands what it says to this machine's own server.
"use strict";

const ask = JSON.parse(document.body.dataset.ask);
const said = document.getElementById("said");
const go = document.getElementById("go");

const bytes = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));

async function send(step, answer) {
  const reply = await fetch(step, { method: "POST", body: JSON.stringify(answer) });
  const words = await reply.json().catch(() => ({ sentence: "The signer does not answer any more. Start it again." }));
  if (!reply.ok) throw new Error(words.sentence);
  return words;
}

async function sign(challenge) {
  const publicKey = { challenge: bytes(challenge), rpId: ask.rp, userVerification: "required", timeout: 120000 };
  const found = await navigator.credentials.get({ publicKey });
  return {
    authenticatorData: base64(found.response.authenticatorData),
    clientDataJSON: base64(found.response.clientDataJSON),
    signature: base64(found.response.signature),
  };
}

async function make() {
  const id = crypto.getRandomValues(new Uint8Array(32));
  const made = await navigator.credentials.create({
    publicKey: {
      rp: { id: ask.rp, name: "Safeconduct signing" },
      user: { id, name: ask.name, displayName: `${ask.name} (signing)` },
      challenge: crypto.getRandomValues(new Uint8Array(32)),
      pubKeyCredParams: [{ type: "public-key", alg: -7 }, { type: "public-key", alg: -8 }],
      authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
      timeout: 120000,
    },
  });
  const next = await send("key", { public: base64(made.response.getPublicKey()) });
  return send("proof", await sign(next.challenge));
}

go.addEventListener("click", async () => {
  go.disabled = true;
  said.textContent = "Waiting for your passkey…";
  try {
    const done = ask.step === "key" ? await make() : await send("signature", await sign(ask.challenge));
    said.textContent = done.words;
    said.dataset.done = "yes";
  } catch (problem) {
    said.textContent = `Nothing was signed. ${problem.message}`;
    go.disabled = false;
  }
});
