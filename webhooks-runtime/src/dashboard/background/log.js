// Follows the logs of the opened deliveries that have not ended.

import { announce, localTimes, parsed, root } from "./tools.js";

const INTERVAL = 1000;

// How many lines a log shows. One whose viewer has scrolled back shows more, so that nothing moves.
const MAX_LINES = 1000;

// The shortest and the longest time between announcements of new lines, in milliseconds.
const PAUSE = [10_000, 300_000];

// How far from its end a log counts as scrolled to its end, in pixels.
const NEAR = 16;

const wait = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

// ---- announcements

let lines = 0;
let errors = 0;
let pause = PAUSE[0];
let notBefore = 0;

// Announces new lines together, and less often the longer they keep coming: nobody can listen to a log.
const announceLines = () => {
  if (!lines || Date.now() < notBefore) return;
  const count = (number, name) => `${number} ${name}${number === 1 ? "" : "s"}`;
  announce(`${count(lines, "new log line")}${errors ? `, ${count(errors, "error")}` : ""}.`);
  notBefore = Date.now() + pause;
  pause = Math.min(2 * pause, PAUSE[1]);
  lines = errors = 0;
};

// ---- one log

const scrollToEnd = (log) => { log.scrollTop = log.scrollHeight; };

const append = (log, html) => {
  const arrived = parsed(html);
  const count = arrived.querySelectorAll(".line").length;
  if (!count) return;
  lines += count;
  errors += arrived.querySelectorAll(".error").length;
  localTimes(arrived);
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
  const selection = getSelection();
  const isRead = !atEnd || (!selection.isCollapsed && selection.intersectsNode?.(log));
  const list = log.querySelector("ol");
  list.append(arrived);
  log.hidden = false;
  log.parentElement.querySelector(".nothing").hidden = true;
  while (list.children.length > (isRead ? 10 : 1) * MAX_LINES) list.firstElementChild.remove();
  if (!isRead) scrollToEnd(log);
};

const update = async (log, onChange) => {
  const view = log.closest("[data-id]");
  if ("unread" in log.dataset) {
    // The store did not respond when the delivery was opened.
    await onChange(view);
    return;
  }
  const query = new URLSearchParams({ after: log.dataset.after });
  const url = new URL(`deliveries/${view.dataset.id}/log?${query}`, root);
  const response = await fetch(url, { signal: AbortSignal.timeout(10 * INTERVAL) });
  if (response.status === 404) log.dataset.gone = "";
  if (!response.ok) return;
  const news = await response.json();
  append(log, news.lines);
  log.dataset.after = news.after;
  if (news.ended) log.dataset.ended = "";
  // A row in the list changes with the list.
  if (view.localName === "article" && view.dataset.version !== news.version) await onChange(view);
};

// Whether a log may grow. A page of one delivery also follows an ended one, which somebody may run again.
const isFollowed = (log) => {
  if ("gone" in log.dataset) return false;
  const row = log.closest("details");
  return !row || (row.open && !("ended" in log.dataset));
};

// Follows all logs. `onChange` is called with a delivery that has changed, on its own page.
export const followLogs = async (onChange) => {
  for (const log of document.querySelectorAll(".log")) scrollToEnd(log);
  for (;;) {
    await wait(INTERVAL);
    if (document.hidden) continue;
    const logs = [...document.querySelectorAll(".log")].filter(isFollowed);
    if (!logs.length) pause = PAUSE[0];
    await Promise.all(logs.map((log) => update(log, onChange).catch(() => {})));
    announceLines();
  }
};
