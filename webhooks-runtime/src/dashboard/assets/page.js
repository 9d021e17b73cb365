// The script of every page: implements the copy buttons, and loads the scripts of the blocks on the page.

// These elements are for browsers without scripts.
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
      // There is no clipboard without a secure context: select the text, so that the usual keys copy it.
      getSelection().selectAllChildren(source);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}

if (document.getElementById("trigger-form")) import("./trigger.js");
if (document.querySelector("[data-live], article[data-id], form.act")) import("./activity.js");
