// unfold writes an icon's name as its text. Where the stylesheet can see it, it needs no font to draw it.
function nameIcons() {
  for (const icon of document.querySelectorAll(".material-symbols-outlined:not([data-icon])")) {
    icon.dataset.icon = icon.textContent.trim();
  }
}
document.addEventListener("DOMContentLoaded", nameIcons);
document.addEventListener("htmx:afterSettle", nameIcons);
