// Replaces the parts of the page that have changed, and nothing else, so that the rest keeps its focus and its selection.

// Replaces the content of an element if it has changed. If it had the focus, its button gets it, or else `fallback`.
export const replace = (shown, fresh, fallback) => {
  if (shown.innerHTML === fresh.innerHTML) return;
  const focused = shown.contains(document.activeElement);
  shown.replaceChildren(...fresh.childNodes);
  if (focused) (shown.querySelector("form.act button") ?? fallback).focus();
};

// Updates an opened delivery. Its log is followed, and only grows once it has a line.
export const update = (view, fresh) => {
  for (const part of fresh.querySelectorAll("[data-part]:not([data-part=log])")) {
    const shown = view.querySelector(`[data-part=${part.dataset.part}]`);
    replace(shown, part, view.querySelector("summary") ?? view);
  }
  const log = view.querySelector("[data-part=log]");
  if (log.querySelector(".line")) {
    delete log.querySelector(".log").dataset.ended;
  } else {
    replace(log, fresh.querySelector("[data-part=log]"), view.querySelector("summary") ?? view);
    for (const lines of log.querySelectorAll(".log")) lines.scrollTop = lines.scrollHeight;
  }
};
