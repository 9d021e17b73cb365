// The copy buttons. They are hidden in the markup, so that nobody sees one that does nothing.

const select = (element) => getSelection().selectAllChildren(element);

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
      select(source);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}
