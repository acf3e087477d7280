// Comfort for those whose browser runs scripts. Every page works without this file.
"use strict";

const root = document.documentElement;

// The theme changes at once; the form's own request makes the cookie.
document.addEventListener("change", (event) => {
  const input = event.target;
  if (input.matches('.theme [name="theme"]')) {
    if (input.value === "system") delete root.dataset.theme;
    else root.dataset.theme = input.value;
  }
  // A pack is chosen: an amount of one's own does not count any more. The sum follows the pack.
  if (input.dataset.clears) document.querySelector(input.dataset.clears).value = "";
  const filters = input.closest("[data-autosubmit]");
  if (filters && input.matches("select, [type=radio]")) filters.requestSubmit();
});

// A form is sent once: its buttons rest while it is under way, and wake when Back brings the page back.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  const buttons = [...form.querySelectorAll("[type=submit]")];
  // After the browser has read which button was pressed.
  setTimeout(() => buttons.forEach((button) => (button.disabled = true)));
});
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  document.querySelectorAll("form[data-sent]").forEach((form) => {
    delete form.dataset.sent;
    form.querySelectorAll("[type=submit]").forEach((button) => (button.disabled = false));
  });
});

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    const word = copy.querySelector("span");
    const before = word.textContent;
    try {
      const source = document.querySelector(copy.dataset.copy);
      await navigator.clipboard.writeText(source.value ?? source.textContent);
      word.textContent = "Copied";
    } catch {
      word.textContent = "Not allowed";
    }
    setTimeout(() => (word.textContent = before), 1600);
  }
  const insert = event.target.closest("[data-insert]");
  if (insert) mention(insert.dataset.insert);
});

// Ctrl or Command with Enter sends the form from within the prompt.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.target.id !== "prompt") return;
  event.preventDefault();
  event.target.form.requestSubmit(event.target.form.querySelector('[value="make"]'));
});

// Escape leaves a form that stands in the place of a budget.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") event.target.closest(".quota-cell form")?.querySelector("a[hx-get]").click();
});

// Up and down go through an open menu.
document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const menu = step && document.querySelector("[data-menu]:popover-open");
  if (!menu) return;
  event.preventDefault();
  const items = [...menu.querySelectorAll("a, button")];
  const next = items.indexOf(document.activeElement) + step;
  items.at(next < 0 ? -1 : next % items.length).focus();
});

// After an error the first field that needs a change is where typing goes on.
document.querySelector('[aria-invalid="true"]')?.focus();

// -- @Image1 and its like ------------------------------------------------------------------------

function mention(name) {
  const prompt = document.getElementById("prompt");
  const { selectionStart: start, selectionEnd: end, value } = prompt;
  const left = start > 0 && !/\s$/.test(value.slice(0, start)) ? " " : "";
  const right = /^\s/.test(value.slice(end)) ? "" : " ";
  prompt.setRangeText(`${left}${name}${right}`, start, end, "end");
  prompt.focus();
  prompt.dispatchEvent(new Event("input", { bubbles: true }));
}

// -- Files: chosen, dropped or pasted, each goes up by itself and then stands in the form ------------

function changed(field, how = "input") {
  field.dispatchEvent(new Event(how, { bubbles: true }));
}

// Where a file of this kind belongs; null if there is no room for it.
function placeFor(kind) {
  const list = document.getElementById(`${kind}_urls`);
  if (list) return list;
  if (kind !== "image") return null;
  const frames = ["image_url", "end_image_url"].map((id) => document.getElementById(id));
  return frames.find((frame) => frame && !frame.value.trim()) || null;
}

function put(upload) {
  const field = placeFor(upload.kind);
  if (!field) return false;
  const before = field.id.endsWith("_urls") ? field.value.trim() : "";
  field.value = before ? `${before}\n${upload.reference}` : upload.reference;
  changed(field);
  return true;
}

// One file, with how far it is. XMLHttpRequest, because fetch does not tell that of what it sends.
function send(file, address, tell) {
  return new Promise((done, fail) => {
    const body = new FormData();
    body.append("file", file);
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.setRequestHeader("X-CSRFToken", document.querySelector("#create-form [name=csrfmiddlewaretoken]").value);
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && tell(event.loaded / event.total);
    request.onerror = () => fail(new Error("it could not be sent."));
    request.onload = () => {
      const said = request.response;
      if (request.status === 201 && said) done(said);
      else fail(new Error(said?.message || "it could not be sent."));
    };
    request.send(body);
  });
}

function show(part) {
  const bar = document.querySelector("[data-drop-progress]");
  bar.hidden = part === null;
  if (part !== null) bar.value = part;
}

function say(words, isError) {
  const status = document.querySelector("[data-drop-status]");
  status.textContent = words;
  status.classList.toggle("error", isError);
}

async function take(files) {
  const address = document.querySelector("[data-upload]").dataset.upload;
  const problems = [];
  const sent = [];
  for (const [index, file] of [...files].entries()) {
    const which = `${file.name || "the picture"} (${index + 1} of ${files.length})`;
    say(`Sending ${which} …`, false);
    try {
      sent.push([file, await send(file, address, (part) => {
        show(part);
        if (part === 1) say(`Checking ${which} …`, false);
      })]);
    } catch (error) {
      problems.push(`${file.name}: ${error.message}`);
    }
  }
  show(null);
  const left = sent.filter(([, upload]) => !put(upload));
  problems.push(...left.map(([file]) => `${file.name}: there is no room for it here.`));
  say(problems.join(" "), problems.length > 0);
  // Text takes no files: they make it a reference to video.
  const reference = document.getElementById("family-reference");
  if (sent.length > left.length && document.getElementById("family-text").checked) {
    reference.checked = true;
    changed(reference, "change");
  }
}

function filesIn(transfer) {
  return document.querySelector("[data-upload]") && transfer ? [...transfer.files] : [];
}

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-upload]") || !event.target.files.length) return;
  const files = [...event.target.files];
  event.target.value = ""; // what is sent already is not sent again with the form
  take(files);
});
document.addEventListener("paste", (event) => {
  const files = filesIn(event.clipboardData);
  // Copied from a table, text comes with a picture of itself: the text is meant.
  if (!files.length || event.clipboardData.types.includes("text/plain")) return;
  event.preventDefault();
  take(files);
});
document.addEventListener("dragover", (event) => {
  if (document.querySelector("[data-upload]") && event.dataTransfer.types.includes("Files")) event.preventDefault();
});
document.addEventListener("drop", (event) => {
  const files = filesIn(event.dataTransfer);
  if (!files.length) return;
  event.preventDefault();
  take(files);
});
// -- What is drawn on Create is what was typed last --------------------------------------------------

let typed = 0; // how often anything was changed
for (const kind of ["input", "change"])
  // While it goes down to the field, so before any request that it makes.
  document.addEventListener(kind, (event) => event.target.closest("#asked") && (typed += 1), true);
document.addEventListener("htmx:beforeRequest", (event) => (event.detail.requestConfig.typed = typed));
// The answer to something older would take back what was typed meanwhile: it is dropped, and asked for again.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { requestConfig, target } = event.detail;
  const isForm = target.id === "create-form";
  if (!isForm && !target.closest("#asked")) return;
  // Prices do not come into a form that is about to be another one: they would replace the button that was pressed.
  const isAwaited = isForm || !document.querySelector("#create-form .htmx-request");
  if (requestConfig.typed === typed && isAwaited) {
    if (isForm) typed += 1; // prices that are still on their way are those of another form
    return;
  }
  event.detail.shouldSwap = false;
  const { elt } = requestConfig;
  if (isForm) setTimeout(() => (elt.matches("button") ? elt.click() : changed(elt, "change")));
});

// -- Those that are ticked in the gallery -----------------------------------------------------------

function countChosen() {
  const form = document.getElementById("chosen");
  if (!form) return;
  const boxes = [...document.querySelectorAll(".poster-pick")];
  const count = boxes.filter((box) => box.checked).length;
  form.querySelector("[data-chosen-count]").textContent = count ? `${count} chosen` : "None chosen";
  form.querySelectorAll("[data-needs-chosen]").forEach((button) => (button.disabled = !count));
  const all = form.querySelector("[data-choose-all]");
  const isAll = boxes.length > 0 && count === boxes.length;
  all.textContent = isAll ? "Choose none" : "Choose all shown";
  all.dataset.chooseAll = isAll ? "none" : "all";
  document.getElementById("grid").classList.toggle("is-choosing", count > 0);
}
document.addEventListener("change", (event) => event.target.matches(".poster-pick") && countChosen());
document.addEventListener("htmx:afterSettle", countChosen);
window.addEventListener("pageshow", countChosen);
document.addEventListener("click", (event) => {
  const all = event.target.closest("[data-choose-all]");
  if (!all) return;
  document.querySelectorAll(".poster-pick").forEach((box) => (box.checked = all.dataset.chooseAll !== "none"));
  countChosen();
});

// -- A poster plays while the pointer or the focus is on its card ---------------------------------

const calm = matchMedia("(prefers-reduced-motion: reduce)");

function play(card) {
  const stage = card.querySelector("[data-preview]");
  if (!stage || calm.matches || stage.querySelector("video")) return;
  const video = document.createElement("video");
  Object.assign(video, { muted: true, loop: true, playsInline: true, src: stage.dataset.preview });
  video.className = stage.querySelector("img").className;
  video.setAttribute("aria-hidden", "true");
  stage.querySelector("img").after(video);
  stage.classList.add("stage-plays");
  video.play().catch(() => stop(card));
}

function stop(card) {
  const video = card.querySelector("[data-preview] video");
  if (!video) return;
  video.parentElement.classList.remove("stage-plays");
  video.removeAttribute("src");
  video.remove();
}

function onCard(act) {
  return (event) => {
    const card = event.target.closest?.(".poster");
    if (card && !card.contains(event.relatedTarget)) act(card);
  };
}
document.addEventListener("pointerover", (event) => {
  if (event.pointerType === "mouse") onCard(play)(event);
});
document.addEventListener("pointerout", onCard(stop));
document.addEventListener("focusin", onCard(play));
document.addEventListener("focusout", onCard(stop));
