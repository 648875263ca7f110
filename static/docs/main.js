// A reader for the interface's OpenAPI description.

import { $, $$, el } from "/static/shared/dom.js";
import { Problem, sendJson } from "/static/shared/api.js";
import { Schemas } from "./schema.js";

const METHODS = ["get", "post", "put", "patch", "delete", "options", "head"];

let schemas = null;

const anchor = (method, path) => `${method}${path}`.replaceAll(/[^a-zA-Z0-9]+/g, "-").toLowerCase();

/** All operations by tag, in the order of the document. */
function byTag(api) {
  const tags = new Map((api.tags ?? []).map((tag) => [tag.name, { description: tag.description, operations: [] }]));
  for (const [path, item] of Object.entries(api.paths ?? {})) {
    for (const method of METHODS.filter((name) => item[name])) {
      const operation = item[method];
      const tag = operation.tags?.[0] ?? "other";
      if (!tags.has(tag)) tags.set(tag, { operations: [] });
      tags.get(tag).operations.push({ method, path, operation, shared: item.parameters ?? [] });
    }
  }
  return [...tags].filter(([, { operations }]) => operations.length > 0);
}

function operationView({ method, path, operation, shared }) {
  const parameters = [...shared, ...(operation.parameters ?? [])].map((parameter) => schemas.resolve(parameter));
  const body = schemas.resolve(operation.requestBody);
  const secured = Array.isArray(operation.security) && operation.security.some((one) => Object.keys(one).length > 0);
  return el(
    "details",
    { class: "operation", id: anchor(method, path) },
    el("summary", {}, el("span", { class: `method ${method}`, text: method.toUpperCase() }), el("code", { class: "path", text: path }), el("span", { class: "soft summary-text", text: operation.summary ?? "" })),
    el(
      "div",
      { class: "stack body" },
      operation.deprecated ? el("p", {}, el("span", { class: "tag warn", text: "Deprecated" })) : null,
      ...prose(operation.description),
      secured ? el("p", { class: "soft small", text: "Needs the header Authorization: Bearer <token>." }) : null,
      parameters.length > 0 ? part("Parameters", parameterTable(parameters)) : null,
      operation.requestBody ? part(body.required ? "Body (required)" : "Body", ...content(body.content)) : null,
      part("Answers", ...Object.entries(operation.responses ?? {}).map(([status, response]) => responseView(status, schemas.resolve(response)))),
    ),
  );
}

function part(title, ...children) {
  return el("section", { class: "stack" }, el("h3", { text: title }), ...children);
}

function parameterTable(parameters) {
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "Parameters" },
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, ["Name", "In", "Type", "Meaning"].map((text) => el("th", { scope: "col", text })))),
      el(
        "tbody",
        {},
        parameters.map((parameter) =>
          el(
            "tr",
            {},
            el("th", { scope: "row" }, el("code", { text: parameter.name }), parameter.required ? el("span", { class: "required", text: " required" }) : null),
            el("td", { text: parameter.in }),
            el("td", {}, el("code", { text: schemas.type(parameter.schema) })),
            el("td", { text: parameter.description ?? "" }),
          ),
        ),
      ),
    ),
  );
}

function responseView(status, response) {
  return el(
    "details",
    { class: "answer" },
    el("summary", {}, el("strong", { class: status.startsWith("2") ? "ok" : "not-ok", text: status }), ` ${response.description ?? ""}`),
    el("div", { class: "stack body" }, ...(response.content ? content(response.content) : [el("p", { class: "soft", text: "No content." })]), ...headers(response.headers)),
  );
}

function headers(known) {
  if (!known) return [];
  return [el("ul", {}, Object.entries(known).map(([name, header]) => el("li", {}, el("code", { text: name }), ` ${schemas.resolve(header).description ?? ""}`)))];
}

function content(types) {
  return Object.entries(types ?? {}).flatMap(([type, { schema, example, examples }]) => {
    const shown = example ?? Object.values(examples ?? {})[0]?.value ?? (schema ? schemas.example(schema) : undefined);
    const text = typeof shown === "string" ? shown : JSON.stringify(shown, null, 2);
    return [
      el("p", { class: "small" }, el("code", { text: type }), schema?.$ref ? ` · ${schemas.type(schema)}` : ""),
      schema ? schemas.table(schema) : null,
      shown === undefined || shown === null ? null : el("pre", { tabindex: "0", role: "region", "aria-label": "Example" }, el("code", { text })),
    ].filter(Boolean);
  });
}

const prose = (text) => (text ?? "").split(/\n\s*\n/).filter((block) => block.trim()).map((block) => el("p", { text: block.trim() }));

function filter() {
  const wanted = $("[data-search]").value.trim().toLowerCase();
  for (const node of $$("[data-find]")) node.hidden = !node.dataset.find.includes(wanted);
  for (const group of $$("[data-group]")) group.hidden = $$("[data-find]", group).every((node) => node.hidden);
}

/** Unfolds the operation the address points at. */
function reveal() {
  const target = document.getElementById(window.location.hash.slice(1));
  if (!(target instanceof HTMLDetailsElement)) return;
  target.open = true;
  target.scrollIntoView();
  $("summary", target).focus({ preventScroll: true });
}

function render(api) {
  schemas = new Schemas(api);
  const version = api.info?.version ? ` ${api.info.version}` : "";
  $("[data-title]").textContent = `${api.info?.title ?? "API"}${version}`;
  $("[data-description]").textContent = api.info?.description ?? "";
  const groups = byTag(api);
  $("[data-contents]").replaceChildren(
    ...groups.map(([tag, { operations }]) =>
      el(
        "div",
        { "data-group": true },
        el("h2", { text: tag }),
        el("ul", {}, operations.map(({ method, path, operation }) => el("li", { "data-find": `${method} ${path} ${operation.summary ?? ""} ${tag}`.toLowerCase() }, el("a", { href: `#${anchor(method, path)}` }, el("span", { class: `method ${method}`, text: method.toUpperCase() }), el("span", { text: path.replace("/api/v1", "") }))))),
      ),
    ),
  );
  $("[data-operations]").replaceChildren(
    ...groups.map(([tag, { description, operations }]) =>
      el(
        "section",
        { class: "group", "data-group": true },
        el("h2", { text: tag }),
        ...prose(description),
        ...operations.map((entry) => {
          const view = operationView(entry);
          view.dataset.find = `${entry.method} ${entry.path} ${entry.operation.summary ?? ""} ${tag}`.toLowerCase();
          return view;
        }),
      ),
    ),
  );
  const count = groups.reduce((sum, [, { operations }]) => sum + operations.length, 0);
  $("[data-status]").textContent = count > 0 ? `${count} operations` : "The description lists no operations.";
  document.body.dataset.step = "ready";
  reveal();
}

$("[data-search]").addEventListener("input", filter);
window.addEventListener("hashchange", reveal);
try {
  render((await sendJson("/openapi.json")) ?? {});
} catch (error) {
  $("[data-status]").textContent = error instanceof Problem ? "The description could not be loaded. Please try again." : "The description could not be read.";
  document.body.dataset.step = "error";
}
