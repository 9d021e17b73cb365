// The deliveries: they arrive as they are answered, open in place, and can be sent again. Those that run
// in the background change while they are looked at.

// A proxy can serve the page under any path.
const root = new URL("../../", import.meta.url);

const section = document.getElementById("activity");
const list = document.getElementById("deliveries");
const live = document.getElementById("live");
const news = document.getElementById("news");
const none = document.getElementById("none-yet");
const noMatch = document.getElementById("no-match");
const MOST = 250;

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

const sendAgain = async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  if (button.ariaDisabled) return;
  // Not disabled, which would take the focus away.
  button.ariaDisabled = "true";
  const label = button.textContent;
  try {
    const response = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" } });
    const sent = await response.json();
    const gone = response.status === 404 && "It isn't kept any more.";
    // Of the background it is told what state it is in now, else with which status it was answered.
    const done = sent.state ? `It is ${sent.state} again.` : `Sent again: ${sent.status}`;
    if (section) say(response.ok ? done : gone || sent.error);
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

// Of two that are asked for, the first may come last.
let opened = 0;

const open = async (row) => {
  const detail = row.querySelector(".detail");
  if (detail.dataset.open) return;
  const mine = detail.dataset.open = String(opened += 1);
  try {
    const response = await fetch(new URL(`${addressOf(row)}/detail`, root));
    const text = await response.text();
    if (detail.dataset.open !== mine) return;
    const focused = detail.contains(document.activeElement);
    if (response.ok) detail.replaceChildren(parsed(text));
    else detail.textContent = "It isn't kept any more.";
    if (focused) row.querySelector("summary").focus();
    localTimes(detail);
  } catch {
    detail.textContent = "It could not be fetched. Is the program still running?";
    delete detail.dataset.open;
  }
};

// ---- the list

const say = (text) => { news.textContent = text; };

const filter = section?.querySelector("form.filter");

const isShown = ({ dataset }) => {
  const { endpoint, outcome } = filter.elements;
  return (!endpoint.value || endpoint.value === dataset.endpoint)
    && (!outcome.value || outcome.value === dataset.outcome);
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

const take = ({ all, rows }) => {
  if (!section) return;
  const arrived = parsed(rows);
  const count = arrived.children.length;
  localTimes(arrived);
  if (all) {
    list.replaceChildren(arrived);
  } else if (count) {
    list.prepend(arrived);
    say(count === 1 ? "A delivery has arrived." : `${count} deliveries have arrived.`);
  }
  while (list.children.length > MOST) list.lastElementChild.remove();
  applyFilter();
};

// ---- those that run in the background

const background = document.getElementById("background");

const isNews = (row, before) => row.dataset.changed !== before?.dataset.changed;

// A row stays the same element, so that it stays open, with the focus in it.
const renew = (row, fresh) => {
  const [summary, now] = [row, fresh].map((each) => each.querySelector("summary"));
  if (!isNews(fresh, row) && summary.innerHTML === now.innerHTML) return row;
  Object.assign(row.dataset, fresh.dataset);
  summary.replaceChildren(...now.childNodes);
  const detail = row.querySelector(".detail");
  delete detail.dataset.open;
  if (detail.parentElement.open) open(row);
  return row;
};

const takeBackground = ({ rows }) => {
  if (!background) return;
  const arrived = parsed(rows);
  localTimes(arrived);
  const [list, fresh] = [background, arrived].map((each) => each.querySelector("ol"));
  const known = new Map([...list?.children ?? []].map((row) => [row.dataset.id, row]));
  const dead = arrived.querySelectorAll("[data-state=dead]");
  if ([...dead].some((row) => isNews(row, known.get(row.dataset.id)))) say("A background delivery is dead.");
  if (!list || !fresh) {
    background.replaceChildren(arrived);
    return;
  }
  const focused = document.activeElement;
  const now = [...fresh.children].map((row) => {
    const before = known.get(row.dataset.id);
    return before ? renew(before, row) : row;
  });
  for (const row of known.values()) if (!now.includes(row)) row.remove();
  now.forEach((row, at) => {
    if (list.children[at] !== row) list.insertBefore(row, list.children[at] ?? null);
  });
  if (focused.isConnected) focused.focus();
};

// The public address has come or changed.
const address = async ({ base }) => {
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
let mark = section?.dataset.mark ?? "";
let restarted = false;

const show = (text, state) => {
  if (live) Object.assign(live, { textContent: text, className: `live ${state}` });
};
const showLive = () => show(
  restarted ? "Live, from a new start: reload the page for what is new" : "Live", "on");

const follow = () => {
  stream = new EventSource(new URL(`events?${new URLSearchParams({ after: mark })}`, root));
  stream.addEventListener("open", showLive);
  stream.addEventListener("error", () => show(stream.readyState === EventSource.CLOSED
    ? "Not connected: reload the page, with the token that the program printed if need be"
    : "Connecting …", ""));
  stream.addEventListener("deliveries", (event) => {
    // The part in front is that of one start of the program.
    const start = (text) => text.split("-")[0];
    if (mark && start(mark) !== start(event.lastEventId)) {
      restarted = true;
      showLive();
    }
    mark = event.lastEventId;
    take(JSON.parse(event.data));
  });
  stream.addEventListener("background", (event) => takeBackground(JSON.parse(event.data)));
  stream.addEventListener("address", (event) => address(JSON.parse(event.data)));
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
  // A browser has few connections to one server: a page that nobody sees gives its own back.
  document.addEventListener("visibilitychange", () => {
    stream.close();
    if (!document.hidden) follow();
  });
}
