// Starts Swagger UI, light or dark as everything else on the screen.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

// Relative, since a proxy can serve the page under any path.
const document_url = new URL("../../openapi.json", document.currentScript.src).href;

SwaggerUIBundle({
  url: document_url,
  dom_id: "#docs",
  // Without the bar on top, which asks for other documents.
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  // Nothing is asked of a service elsewhere.
  validatorUrl: null,
});
