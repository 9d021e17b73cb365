// Keeps the lists of deliveries up to date, opens deliveries in place, and sends them again.

// A proxy can serve the page under any path.
const root = new URL("../../", import.meta.url);

const section = document.getElementById("activity");
const list = document.getElementById("deliveries");
const live = document.getElementById("live");
const announcement = document.getElementById("announcement");
const none = document.getElementById("none-yet");
const noMatch = document.getElementById("no-match");
const MAX_ROWS = 250;

const parsed = (html) => {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
};

const localTimes = (root) => {
  for (const time of root.querySelectorAll("time:not([title])")) {
    const date = new Date(time.dateTime);
    time.title = time.dateTime;
    time.textContent = "whole" in time.dataset ? date.toLocaleString() : date.toLocaleTimeString();
  }
};

// ---- one delivery

const NOT_RECORDED = "This delivery is no longer stored.";

const sendAgain = async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  if (button.ariaDisabled) return;
  // Not `disabled`, which would remove the focus.
  button.ariaDisabled = "true";
  const label = button.textContent;
  try {
    const response = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" } });
    const sent = await response.json();
    const gone = response.status === 404 && NOT_RECORDED;
    // A background delivery has a new state, any other one a response status.
    const done = sent.state ? `It is ${sent.state} again.` : `Sent again: ${sent.status}`;
    if (section) announce(response.ok ? done : gone || sent.error);
    else if (response.ok) location.href = sent.state ? location.href : new URL(`activity/${sent.number}`, root);
    button.textContent = response.ok ? `Sent: ${sent.state ?? sent.status}` : gone || "Not sent";
  } catch {
    button.textContent = "Not sent";
  }
  setTimeout(() => { button.textContent = label; button.ariaDisabled = null; }, 1500);
};

document.addEventListener("submit", (event) => {
  if (event.target.matches("form.again")) sendAgain(event);
});
localTimes(document);

const addressOf = ({ dataset }) => (dataset.id ? `deliveries/${dataset.id}` : `activity/${dataset.number}`);

// Responses can arrive in another order than their requests: only the last request counts.
let requests = 0;

const open = async (row) => {
  const detail = row.querySelector(".detail");
  if (detail.dataset.open) return;
  const request = detail.dataset.open = String(requests += 1);
  try {
    const response = await fetch(new URL(`${addressOf(row)}/detail`, root));
    const text = await response.text();
    if (detail.dataset.open !== request) return;
    const focused = detail.contains(document.activeElement);
    if (response.ok) detail.replaceChildren(parsed(text));
    else detail.textContent = NOT_RECORDED;
    if (focused) row.querySelector("summary").focus();
    localTimes(detail);
  } catch {
    detail.textContent = "The delivery could not be loaded. Is the program still running?";
    delete detail.dataset.open;
  }
};

// ---- the list

const announce = (text) => { announcement.textContent = text; };

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

// ---- background deliveries

const background = document.getElementById("background");

const hasChanged = (row, before) => row.dataset.version !== before?.dataset.version;

// Updates a row in place, so that it stays open and keeps the focus.
const update = (row, fresh) => {
  const [summary, now] = [row, fresh].map((each) => each.querySelector("summary"));
  if (!hasChanged(fresh, row) && summary.innerHTML === now.innerHTML) return row;
  Object.assign(row.dataset, fresh.dataset);
  summary.replaceChildren(...now.childNodes);
  const detail = row.querySelector(".detail");
  delete detail.dataset.open;
  if (detail.parentElement.open) open(row);
  return row;
};

const updateBackground = ({ rows }) => {
  if (!background) return;
  const arrived = parsed(rows);
  localTimes(arrived);
  const [list, fresh] = [background, arrived].map((each) => each.querySelector("ol"));
  const known = new Map([...list?.children ?? []].map((row) => [row.dataset.id, row]));
  const dead = arrived.querySelectorAll("[data-state=dead]");
  if ([...dead].some((row) => hasChanged(row, known.get(row.dataset.id)))) announce("A background delivery is dead.");
  if (!list || !fresh) {
    background.replaceChildren(arrived);
    return;
  }
  const focused = document.activeElement;
  const now = [...fresh.children].map((row) => {
    const before = known.get(row.dataset.id);
    return before ? update(before, row) : row;
  });
  for (const row of known.values()) if (!now.includes(row)) row.remove();
  now.forEach((row, at) => {
    if (list.children[at] !== row) list.insertBefore(row, list.children[at] ?? null);
  });
  if (focused.isConnected) focused.focus();
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
  stream.addEventListener("background", (event) => updateBackground(JSON.parse(event.data)));
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
