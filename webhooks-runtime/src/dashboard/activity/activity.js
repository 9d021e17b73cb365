// Keeps the lists of deliveries up to date.

import { open } from "./delivery.js";
import { announce, localTimes, parsed, root } from "./tools.js";

const section = document.getElementById("activity");
const list = document.getElementById("deliveries");
const live = document.getElementById("live");
const none = document.getElementById("none-yet");
const noMatch = document.getElementById("no-match");
const MAX_ROWS = 250;

// Only for a program with background deliveries.
const background = document.querySelector("[data-pause], #background, article") && import("./background.js");

// ---- the list

const filter = section?.querySelector("form.filter");

const isShown = ({ dataset }) => {
  const { endpoint, outcome } = filter.elements;
  return (!endpoint.value || endpoint.value === dataset.endpoint)
    && (!outcome.value || outcome.value === dataset.outcome
      || (outcome.value === "not-skipped" && dataset.outcome !== "skipped"));
};

const applyFilter = () => {
  let shown = 0;
  for (const row of list.children) {
    row.hidden = !isShown(row);
    if (!row.hidden) shown += 1;
  }
  none.hidden = list.children.length > 0;
  noMatch.hidden = shown > 0 || !none.hidden;
};

const addRows = ({ all, rows }) => {
  if (!section) return;
  const arrived = parsed(rows);
  const count = arrived.children.length;
  localTimes(arrived);
  if (all) {
    list.replaceChildren(arrived);
  } else if (count) {
    list.prepend(arrived);
    announce(count === 1 ? "1 new delivery." : `${count} new deliveries.`);
  }
  while (list.children.length > MAX_ROWS) list.lastElementChild.remove();
  applyFilter();
};

// Shows the public URL, which has become known or has changed.
const updateUrl = async ({ base }) => {
  const endpoints = document.querySelector("[data-base]");
  if (!endpoints || endpoints.dataset.base === base) return;
  for (const code of endpoints.querySelectorAll("code[id]")) {
    code.textContent = code.textContent.replace(endpoints.dataset.base, base);
  }
  endpoints.dataset.base = base;
  const page = parsed(await (await fetch(root)).text());
  for (const id of ["where", "steps"]) {
    const fresh = page.getElementById(id);
    if (fresh) document.getElementById(id)?.replaceWith(fresh);
  }
};

// ---- the connection

let stream;
let cursor = section?.dataset.cursor ?? "";
let restarted = false;

const show = (text, state) => {
  if (live) Object.assign(live, { textContent: text, className: `live ${state}` });
};
const showLive = () => show(
  restarted ? "Live. The program was restarted: reload the page to update it" : "Live", "on");

const follow = () => {
  stream = new EventSource(new URL(`events?${new URLSearchParams({ after: cursor })}`, root));
  stream.addEventListener("open", showLive);
  stream.addEventListener("error", () => show(stream.readyState === EventSource.CLOSED
    ? "Not connected. Reload the page, with the new token if the program was restarted"
    : "Connecting …", ""));
  stream.addEventListener("deliveries", (event) => {
    // The first part of a cursor differs for each start of the program.
    const start = (text) => text.split("-")[0];
    if (cursor && start(cursor) !== start(event.lastEventId)) {
      restarted = true;
      showLive();
    }
    cursor = event.lastEventId;
    addRows(JSON.parse(event.data));
  });
  for (const kind of ["background", "pauses"]) {
    stream.addEventListener(kind, async ({ data }) => (await background)?.update[kind](JSON.parse(data)));
  }
  stream.addEventListener("address", (event) => updateUrl(JSON.parse(event.data)));
};

if (section) {
  section.addEventListener("toggle", (event) => {
    const row = event.target.closest(".deliveries > li");
    if (row && event.target.open) open(row);
  }, true);
  filter.addEventListener("change", applyFilter);
  filter.addEventListener("submit", (event) => event.preventDefault());
}
if (document.querySelector("[data-live]")) {
  follow();
  // Browsers limit the connections to one server: a hidden page closes its own.
  document.addEventListener("visibilitychange", () => {
    stream.close();
    if (!document.hidden) follow();
  });
}
