// What every page has: the copy buttons, and the scripts of the blocks that stand on it.

// Without scripts these buttons do what a script does otherwise.
for (const element of document.querySelectorAll(".scriptless")) element.hidden = true;

for (const button of document.querySelectorAll("button[data-copy]")) {
  const label = button.textContent;
  const source = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      // No clipboard without a secure context: mark the text, so that the usual keys copy it.
      getSelection().selectAllChildren(source);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}

if (document.getElementById("trigger-form")) import("./trigger.js");
if (document.querySelector("[data-live], form.again")) import("./activity.js");
