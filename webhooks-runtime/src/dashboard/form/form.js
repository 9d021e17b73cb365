// Submits the form without reloading the page. The server sends the delivery, and returns the response as JSON.

// A proxy can serve the page under any path.
const root = new URL("../../", import.meta.url);

const form = document.getElementById("trigger-form");
const result = document.getElementById("response");
const secret = document.getElementById("trigger-secret");
const { endpoint, sample, payload } = form.elements;

const element = (name, text, properties = {}) =>
  Object.assign(document.createElement(name), { textContent: text }, properties);

const showSecretField = () => {
  if (secret) secret.hidden = !("protected" in endpoint.selectedOptions[0].dataset);
};

// The sample that was loaded last. If the field differs from it, the user has edited the field.
let loaded = payload.value;

// Responses can arrive in another order than their requests: only the last request counts.
let requests = 0;

const loadSample = async () => {
  const request = requests += 1;
  const query = new URLSearchParams({ endpoint: endpoint.value });
  try {
    const response = await fetch(new URL(`samples/${sample.value}?${query}`, root));
    if (!response.ok) throw new Error(`${response.status}`);
    const text = await response.text();
    if (request === requests) loaded = payload.value = text;
  } catch {
    show("Not loaded", ". Is the program still running?");
  }
};

// Selects a sample that fits the endpoint and its filter, unless the user has edited the payload.
const chooseEndpoint = () => {
  showSecretField();
  const chosen = endpoint.selectedOptions[0].dataset;
  const hasExample = "own" in chosen;
  const fits = !hasExample && !("filtered" in chosen) && sample.value !== "own";
  if (fits || payload.value !== loaded) return;
  sample.value = hasExample ? "own" : chosen.sample;
  loadSample();
};

const responseClass = (status) => (status < 400 ? "succeeded" : status < 500 ? "rejected" : "failed");

const show = (status, words, body) => {
  const line = element("p", "");
  line.append(element("strong", status, { className: `status ${responseClass(parseInt(status, 10))}` }), words);
  result.replaceChildren(line);
  if (body === null) result.append(element("p", "The response is a stream, which is not shown here."));
  else if (body === "") result.append(element("p", "The response has no body."));
  else if (body !== undefined) {
    const block = element("pre", "", { tabIndex: 0, role: "region", ariaLabel: "The response" });
    block.append(element("code", body));
    result.append(block);
  }
  result.scrollIntoView({ block: "nearest" });
};

const send = async (event) => {
  event.preventDefault();
  const button = form.querySelector("button.primary");
  if (button.ariaDisabled) return;
  // Not `disabled`, which would remove the focus.
  button.ariaDisabled = "true";
  result.replaceChildren(element("p", "Waiting for the response …"));
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
showSecretField();
