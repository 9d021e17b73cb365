// Opens deliveries, in their rows or on their own pages, and runs the buttons that send, cancel or pause something.

import { announce, localTimes, parsed, root } from "./tools.js";

const NOT_STORED = "This delivery is no longer stored.";
const NO_ENDPOINT = "The program no longer has this background endpoint.";

const addressOf = ({ dataset }) => (dataset.id ? `deliveries/${dataset.id}` : `activity/${dataset.number}`);

const show = (view, box, fresh) => {
  const focused = box.contains(document.activeElement);
  box.replaceChildren(fresh);
  if (focused) view.querySelector("summary").focus();
  for (const log of box.querySelectorAll(".log")) log.scrollTop = log.scrollHeight;
};

// Responses can arrive in another order than their requests: only the last request counts.
let requests = 0;

// Loads a delivery, whose view is its row, or the article on its own page.
export const load = async (view) => {
  const isPage = view.localName === "article";
  const box = isPage ? view : view.querySelector(".detail");
  const request = box.dataset.request = String(requests += 1);
  try {
    const response = await fetch(new URL(`${addressOf(view)}${isPage ? "" : "/detail"}`, root));
    const loaded = parsed(await response.text());
    if (box.dataset.request !== request) return;
    if (!response.ok && response.status !== 404) throw new Error(`${response.status}`);
    localTimes(loaded);
    for (const element of loaded.querySelectorAll(".scriptless")) element.hidden = true;
    const fresh = isPage ? loaded.querySelector("article") : loaded;
    if (!response.ok) box.textContent = NOT_STORED;
    else if (box.querySelector("[data-part]")) (await import("./parts.js")).update(view, fresh);
    else show(view, box, fresh);
    if (isPage && response.ok) view.dataset.version = fresh.dataset.version;
  } catch {
    delete box.dataset.request;
    if (!box.querySelector("[data-part]")) box.textContent = "The delivery could not be loaded. Is the program still running?";
  }
};

// Loads a row that has just been opened.
export const open = (row) => {
  if (!row.querySelector(".detail").dataset.request) load(row);
};

// ---- buttons

const fail = (form, text) => {
  form.append(Object.assign(document.createElement("span"), { className: "problem", textContent: text }));
  announce(text);
};

// Shows the result of an action. Returns whether the button stays as it is.
const done = (form, button, result) => {
  if ("status" in result) {
    announce(`Sent again: ${result.status}`);
    button.textContent = `Sent: ${result.status}`;
    if (!document.getElementById("activity")) location.href = new URL(`activity/${result.number}`, root);
    return false;
  }
  announce(result.message);
  const page = form.closest("article");
  if (page) load(page);
  // It runs until its function reaches an await. The button is replaced then.
  const stops = result.state === "running";
  if (stops) button.textContent = "Stopping …";
  return stops;
};

const act = async (form) => {
  const button = form.querySelector("button");
  if (button.ariaDisabled) return;
  // Not `disabled`, which would remove the focus.
  button.ariaDisabled = "true";
  form.querySelector(".problem")?.remove();
  const label = button.textContent;
  try {
    const response = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" } });
    const result = await response.json();
    const unknown = form.matches(".pause") ? NO_ENDPOINT : NOT_STORED;
    if (!response.ok) fail(form, response.status === 404 ? unknown : result.error);
    else if (done(form, button, result)) return;
  } catch {
    fail(form, "Not sent. Is the program still running?");
  }
  setTimeout(() => { button.textContent = label; button.ariaDisabled = null; }, 1500);
};

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form.act")) return;
  event.preventDefault();
  act(event.target);
});
localTimes(document);
