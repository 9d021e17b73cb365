// What the scripts of several blocks use.

// The page at `/`. A proxy can serve it under any path.
export const root = new URL("../../", import.meta.url);

export const parsed = (html) => {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
};

export const localTimes = (root) => {
  for (const time of root.querySelectorAll("time:not([title])")) {
    const date = new Date(time.dateTime);
    time.title = time.dateTime;
    time.textContent = "whole" in time.dataset ? date.toLocaleString() : date.toLocaleTimeString();
  }
};

// Has a screen reader say a text when it has finished what it is saying.
export const announce = (text) => {
  const announcement = document.getElementById("announcement");
  if (announcement) announcement.textContent = text;
};
