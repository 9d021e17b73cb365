// The form: the server delivers what it holds, as the Hub does, and returns the answer as JSON.

// A proxy can serve the page under any path.
const root = new URL("../../", import.meta.url);

const form = document.getElementById("trigger-form");
const answer = document.getElementById("answer");
const secret = document.getElementById("trigger-secret");
const { endpoint, sample, payload } = form.elements;

const element = (name, text, properties = {}) =>
  Object.assign(document.createElement(name), { textContent: text }, properties);

const askForSecret = () => {
  if (secret) secret.hidden = !("protected" in endpoint.selectedOptions[0].dataset);
};

// What was loaded last: as long as it stands there, nobody has edited it.
let loaded = payload.value;

// Of two that are asked for, the first may come last.
let asked = 0;

const loadSample = async () => {
  const mine = asked += 1;
  const query = new URLSearchParams({ endpoint: endpoint.value });
  try {
    const response = await fetch(new URL(`samples/${sample.value}?${query}`, root));
    if (!response.ok) throw new Error(`${response.status}`);
    const text = await response.text();
    if (mine === asked) loaded = payload.value = text;
  } catch {
    show("Not loaded", ". Is the program still running?");
  }
};

// An endpoint has samples of its own, or those of the Hub.
const chooseEndpoint = () => {
  askForSecret();
  const own = "own" in endpoint.selectedOptions[0].dataset;
  const fits = !own && sample.value !== "own";
  if (fits || payload.value !== loaded) return;
  sample.value = own ? "own" : "dataset-commit";
  loadSample();
};

const outcome = (status) => (status < 400 ? "answered" : status < 500 ? "refused" : "failed");

const show = (status, words, body) => {
  const line = element("p", "");
  line.append(element("strong", status, { className: `status ${outcome(parseInt(status, 10))}` }), words);
  answer.replaceChildren(line);
  if (body === null) answer.append(element("p", "The answer is a stream, which isn't shown here."));
  else if (body === "") answer.append(element("p", "No answer besides the status."));
  else if (body !== undefined) {
    const block = element("pre", "", { tabIndex: 0, role: "region", ariaLabel: "The answer" });
    block.append(element("code", body));
    answer.append(block);
  }
  answer.scrollIntoView({ block: "nearest" });
};

const send = async (event) => {
  event.preventDefault();
  const button = form.querySelector("button.primary");
  if (button.ariaDisabled) return;
  // Not disabled, which would take the focus away.
  button.ariaDisabled = "true";
  answer.replaceChildren(element("p", "Waiting for the answer …"));
  const headers = { Accept: "application/json" };
  const fields = new URLSearchParams(new FormData(form));
  if (secret?.hidden) fields.delete("secret");
  fields.set("do", "send");
  try {
    const response = await fetch(form.action, { method: "POST", headers, body: fields });
    const sent = await response.json();
    if (response.ok) show(`${sent.status} ${sent.reason}`.trim(), ` in ${sent.milliseconds} ms`, sent.body);
    else show("Not sent", `: ${sent.error}`);
  } catch {
    show("Not sent", ". Is the program still running?");
  } finally {
    button.ariaDisabled = null;
  }
};

form.addEventListener("submit", send);
sample.addEventListener("change", loadSample);
endpoint.addEventListener("change", chooseEndpoint);
askForSecret();
