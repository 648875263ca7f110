// JSON Schema as people read it: a type in a few words, a table of properties, an example.

import { el } from "/static/shared/dom.js";

/** Deeper than this a schema is named, not unfolded: schemas may contain themselves. */
const DEPTH = 6;

export class Schemas {
  #document;

  constructor(document) {
    this.#document = document;
  }

  /** Follows a reference within the document. */
  resolve(node) {
    const seen = new Set();
    while (node && typeof node.$ref === "string" && !seen.has(node.$ref)) {
      seen.add(node.$ref);
      const steps = node.$ref.replace(/^#\//, "").split("/").map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
      node = steps.reduce((at, step) => at?.[step], this.#document);
    }
    return node ?? {};
  }

  /** The type in a few words, e.g. `array of string`. */
  type(schema, depth = 0) {
    if (!schema || depth > DEPTH) return "any";
    if (schema.$ref) return schema.$ref.split("/").pop();
    const options = schema.oneOf ?? schema.anyOf;
    if (options) return [...new Set(options.map((option) => this.type(option, depth + 1)))].join(" or ");
    if (schema.allOf) return schema.allOf.map((part) => this.type(part, depth + 1)).join(" and ");
    if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    const types = [schema.type ?? (schema.properties ? "object" : "any")].flat();
    return types.map((type) => (type === "array" ? `array of ${this.type(schema.items, depth + 1)}` : schema.format && type !== "null" ? `${type} (${schema.format})` : type)).join(" or ");
  }

  /** All properties of an object, those of its parts included, as [name, schema, required]. */
  properties(schema) {
    const found = this.resolve(schema);
    const required = new Set(found.required ?? []);
    const own = Object.entries(found.properties ?? {}).map(([name, property]) => [name, property, required.has(name)]);
    return [...(found.allOf ?? []).flatMap((part) => this.properties(part)), ...own];
  }

  /** A table of an object's properties; other types as one line. */
  table(schema) {
    let target = this.resolve(schema);
    let prefix = "";
    if (target.type === "array") {
      prefix = "Each: ";
      target = this.resolve(target.items);
    }
    const rows = this.properties(target);
    if (rows.length === 0) return el("p", {}, prefix, el("code", { text: this.type(schema) }));
    return el(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Properties" },
      el(
        "table",
        {},
        el("thead", {}, el("tr", {}, ["Name", "Type", "Meaning"].map((text) => el("th", { scope: "col", text })))),
        el(
          "tbody",
          {},
          rows.map(([name, property, required]) => {
            const meaning = property.description ?? this.resolve(property).description ?? "";
            return el("tr", {}, el("th", { scope: "row" }, el("code", { text: name }), required ? el("span", { class: "required", text: " required" }) : null), el("td", {}, el("code", { text: this.type(property) })), el("td", { text: meaning }));
          }),
        ),
      ),
    );
  }

  /** A value that fits the schema, from its examples where it has any. */
  example(schema, depth = 0) {
    const found = this.resolve(schema);
    if (found.example !== undefined) return found.example;
    if (Array.isArray(found.examples) && found.examples.length > 0) return found.examples[0];
    if (found.default !== undefined) return found.default;
    if (found.const !== undefined) return found.const;
    if (found.enum) return found.enum[0];
    if (depth > DEPTH) return null;
    const option = (found.oneOf ?? found.anyOf)?.find((one) => one.type !== "null");
    if (option) return this.example(option, depth + 1);
    const type = [found.type].flat().find((one) => one !== "null");
    if (type === "array") return found.items ? [this.example(found.items, depth + 1)] : [];
    if (type === "object" || found.properties || found.allOf) {
      return Object.fromEntries(this.properties(found).map(([name, property]) => [name, this.example(property, depth + 1)]));
    }
    return { string: found.format === "date-time" ? "2026-01-31T09:30:00Z" : "string", integer: 0, number: 0, boolean: true }[type] ?? null;
  }
}
