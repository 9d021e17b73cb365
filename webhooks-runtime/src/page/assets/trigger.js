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

const loadSample = async () => {
  const query = new URLSearchParams({ endpoint: endpoint.value });
  const response = await fetch(`/samples/${sample.value}?${query}`);
  if (response.ok) payload.value = await response.text();
};

// JSON in lines; anything else as it is.
const inLines = (text) => {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
};

const outcome = (status) => (status >= 500 ? "failed" : status >= 400 ? "refused" : "answered");

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
};

const send = async (event) => {
  event.preventDefault();
  const button = form.querySelector("button.primary");
  button.disabled = true;
  answer.replaceChildren(element("p", "Waiting for the answer …"));
  const headers = { "Content-Type": "application/json" };
  if (secret && !secret.hidden && form.elements.secret.value) {
    headers["X-Webhook-Secret"] = form.elements.secret.value;
  }
  const started = performance.now();
  try {
    const response = await fetch(endpoint.value, { method: "POST", headers, body: payload.value });
    const body = await response.text();
    const took = Math.round(performance.now() - started);
    show(`${response.status} ${response.statusText}`.trim(), ` in ${took} ms`, body);
  } catch (error) {
    // A secret that no header can carry, or a server that is gone.
    show("Not sent", `: ${error.message}. Is the program still running?`);
    answer.querySelector("strong").className = "status failed";
  } finally {
    button.disabled = false;
  }
};

form.addEventListener("submit", send);
sample.addEventListener("change", loadSample);
endpoint.addEventListener("change", () => {
  askForSecret();
  if (sample.value === "own") loadSample();
});
askForSecret();
