"use strict";
// The passkey's ceremony and the keyboard; every page reads well without either.
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const join = (...parts) => {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
};

// DSSE's pre-authentication encoding: what the challenge is the digest of.
const encoding = (type, payload) =>
  join(new TextEncoder().encode(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload);

const sign = async (form) => {
  const payload = bytes(form.payload.value);
  const message = encoding(form.dataset.payloadType, payload);
  const options = {
    challenge: await crypto.subtle.digest("SHA-256", message),
    allowCredentials: [{ type: "public-key", id: bytes(form.credential.value) }],
    userVerification: "required",
    timeout: 120000,
  };
  if (form.dataset.rpId) options.rpId = form.dataset.rpId;
  const { response } = await navigator.credentials.get({ publicKey: options });
  form.authenticator_data.value = text(response.authenticatorData);
  form.client_data.value = text(response.clientDataJSON);
  form.signature.value = text(response.signature);
};

const create = async (form) => {
  const name = form.elements["name"].value;
  const { response } = await navigator.credentials.create({
    publicKey: {
      challenge: bytes(form.dataset.challenge),
      rp: { id: location.hostname, name: "Caveat" },
      user: { id: new TextEncoder().encode(name.slice(0, 60)), name, displayName: name },
      pubKeyCredParams: [{ type: "public-key", alg: -7 }],
      authenticatorSelection: { userVerification: "required", residentKey: "preferred" },
      attestation: "direct",
      timeout: 120000,
    },
  });
  form.rp_id.value = location.hostname;
  form.origin.value = location.origin;
  form.client_data.value = text(response.clientDataJSON);
  form.attestation_object.value = text(response.attestationObject);
};

const tell = (message) => {
  const place = document.getElementById("trouble");
  if (place) place.textContent = message;
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  const ceremony = { get: sign, create }[form.dataset.passkey];
  if (!ceremony) return;
  event.preventDefault();
  if (!window.PublicKeyCredential || !window.crypto?.subtle) {
    tell("This browser has no passkeys here, so nothing was signed. It needs a secure address, or decide with `caveat approvals`.");
    return;
  }
  tell("");
  ceremony(form).then(
    () => HTMLFormElement.prototype.submit.call(form),
    () => tell("The passkey was not used, so nothing was signed. Try again, or use another authenticator."),
  );
});

const move = (by) => {
  const entries = [...document.querySelectorAll("[data-entry]")];
  const at = entries.indexOf(document.activeElement);
  const next = entries[at < 0 ? (by > 0 ? 0 : entries.length - 1) : at + by];
  if (next) next.focus();
};

const go = (act) => document.querySelector(`[data-act="${act}"]`)?.focus();

const keys = {
  j: () => move(1),
  k: () => move(-1),
  a: () => go("approve"),
  r: () => go("refuse"),
  "?": () => {
    const list = document.getElementById("keys");
    list.open = !list.open;
    if (list.open) list.querySelector("summary").focus();
  },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, textarea, select")) return;
  const act = keys[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

// What is pressed before this line is sent unsigned, and refused: whoever waits for it knows.
document.documentElement.dataset.ready = "yes";
