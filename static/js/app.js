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
      await navigator.clipboard.writeText(document.querySelector(copy.dataset.copy).textContent);
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

// One chip per address that stands in a list; pale until the prompt names it.
function drawChips() {
  const prompt = document.getElementById("prompt");
  document.querySelectorAll("[data-mentions]").forEach((list) => {
    const count = list.value.split(/\s+/).filter(Boolean).length;
    const place = document.querySelector(list.dataset.mentionsInto);
    const chips = Array.from({ length: count }, (_, index) => {
      const name = `@${list.dataset.mentions}${index + 1}`;
      const chip = document.createElement("button");
      const used = new RegExp(`${name}(?![0-9A-Za-z_])`).test(prompt.value);
      chip.type = "button";
      chip.className = used ? "chip" : "chip chip-off";
      chip.dataset.insert = name;
      chip.setAttribute("aria-label", `Insert ${name} into the prompt`);
      chip.textContent = name;
      return chip;
    });
    place.replaceChildren(...chips);
  });
}
document.addEventListener("input", (event) => {
  if (event.target.closest("#create-form")) drawChips();
});
document.addEventListener("htmx:afterSettle", drawChips);
drawChips();

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
