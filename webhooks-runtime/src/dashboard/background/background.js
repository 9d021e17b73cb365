// Keeps the list of background deliveries, their logs and the paused endpoints up to date.

import { load } from "./delivery.js";
import { followLogs } from "./log.js";
import { replace } from "./parts.js";
import { announce, localTimes, parsed } from "./tools.js";

const background = document.getElementById("background");

const hasChanged = (row, before) => row.dataset.version !== before?.dataset.version;

// Updates a row in place, so that it stays open and keeps the focus.
const updateRow = (row, fresh) => {
  const [summary, now] = [row, fresh].map((each) => each.querySelector("summary"));
  if (!hasChanged(fresh, row) && summary.innerHTML === now.innerHTML) return row;
  Object.assign(row.dataset, fresh.dataset);
  summary.replaceChildren(...now.childNodes);
  const detail = row.querySelector(".detail");
  if (detail.parentElement.open) load(row);
  else delete detail.dataset.request;
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
  replace(background.querySelector(".pauses"), arrived.querySelector(".pauses"), background);
  const focused = document.activeElement;
  const now = [...fresh.children].map((row) => {
    const before = known.get(row.dataset.id);
    return before ? updateRow(before, row) : row;
  });
  for (const row of known.values()) if (!now.includes(row)) row.remove();
  now.forEach((row, at) => {
    if (list.children[at] !== row) list.insertBefore(row, list.children[at] ?? null);
  });
  if (focused.isConnected) focused.focus();
};

// Updates whether each endpoint in the list of endpoints is paused.
const updatePauses = (pauses) => {
  for (const shown of document.querySelectorAll("[data-pause]")) {
    const fresh = document.createElement("div");
    fresh.append(parsed(pauses[shown.dataset.pause] ?? ""));
    replace(shown, fresh, shown);
  }
};

// What updates the page, by the name of the event.
export const update = { background: updateBackground, pauses: updatePauses };

followLogs(load);
