// The form: it sends a delivery to the endpoint itself, as the Hub does.

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
    const response = await fetch(`/samples/${sample.value}?${query}`);
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

// JSON in lines; anything else as it is.
const inLines = (text) => {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
};

const outcome = (status) => (status < 400 ? "answered" : status < 500 ? "refused" : "failed");

const show = (status, words, body) => {
  const line = element("p", "");
  line.append(element("strong", status, { className: `status ${outcome(parseInt(status, 10))}` }), words);
  answer.replaceChildren(line);
  if (body === "") answer.append(element("p", "No answer besides the status."));
  else if (body !== undefined) {
    const block = element("pre", "", { tabIndex: 0, role: "region", ariaLabel: "The answer" });
    block.append(element("code", inLines(body)));
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
  const headers = { "Content-Type": "application/json" };
  if (secret && !secret.hidden && form.elements.secret.value) {
    headers["X-Webhook-Secret"] = form.elements.secret.value;
  }
  // As the Hub's deliveries have one. It takes a secure context.
  if (crypto.randomUUID) headers["Webhook-Id"] = crypto.randomUUID();
  const started = performance.now();
  try {
    const response = await fetch(endpoint.value, { method: "POST", headers, body: payload.value });
    const body = await response.text();
    const took = Math.round(performance.now() - started);
    show(`${response.status} ${response.statusText}`.trim(), ` in ${took} ms`, body);
  } catch (error) {
    // A secret that no header can carry, or a server that is gone.
    const gone = error.message.includes("fetch");
    show("Not sent", gone ? ". Is the program still running?" : `: ${error.message}`);
  } finally {
    button.ariaDisabled = null;
  }
};

form.addEventListener("submit", send);
sample.addEventListener("change", loadSample);
endpoint.addEventListener("change", chooseEndpoint);
askForSecret();
