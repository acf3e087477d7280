// Passkeys: the browser is asked, and its answer is sent with the form. Nothing else on these pages needs scripts.
"use strict";

const PROBLEMS = {
  InvalidStateError: "This device has a passkey for this account already.",
  NotAllowedError: "No passkey was given. Nothing was changed.",
  SecurityError: "Passkeys need an address with a name: http://localhost does, http://127.0.0.1 does not.",
};

const toBytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const toText = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// The options as the server wrote them, with bytes where the browser wants bytes.
function decoded(options) {
  const known = (list) => list?.map((one) => ({ ...one, id: toBytes(one.id) }));
  const { publicKey } = options;
  return {
    ...publicKey,
    challenge: toBytes(publicKey.challenge),
    ...(publicKey.user && { user: { ...publicKey.user, id: toBytes(publicKey.user.id) } }),
    ...(publicKey.excludeCredentials && { excludeCredentials: known(publicKey.excludeCredentials) }),
    ...(publicKey.allowCredentials && { allowCredentials: known(publicKey.allowCredentials) }),
  };
}

function encoded(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = toText(credential.response[name]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  };
}

async function optionsFor(form) {
  if (form.dataset.options) return JSON.parse(form.dataset.options);
  const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

async function ask(form) {
  const options = await optionsFor(form);
  if (form.dataset.passkey === "get") {
    return navigator.credentials.get({ publicKey: decoded(options.request_options) });
  }
  const publicKey = decoded(options.creation_options);
  // One that is found by itself, and that asks for finger, face or PIN: it stands for password and code.
  publicKey.authenticatorSelection = {
    ...publicKey.authenticatorSelection,
    residentKey: "required",
    requireResidentKey: true,
    userVerification: "required",
  };
  return navigator.credentials.create({ publicKey });
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-passkey]")) return;
  event.preventDefault();
  const problem = form.querySelector("[data-passkey-error]");
  problem.hidden = true;
  try {
    form.querySelector('[name="credential"]').value = JSON.stringify(encoded(await ask(form)));
    form.submit(); // unlike a press of the button, this asks nobody again
  } catch (error) {
    problem.textContent = PROBLEMS[error.name] || "This browser could not ask for a passkey. Nothing was changed.";
    problem.hidden = false;
  }
});
