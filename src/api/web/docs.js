// The page at /docs: everything it shows comes from /openapi.json. Text is always set as text,
// never as markup.

const template = document.getElementById("endpoint-template");
const main = document.getElementById("endpoints");
const shown_of_stream = 20_000;  // characters

function element(name, text = "", className = "") {
  const node = document.createElement(name);
  if (text) node.textContent = text;
  if (className) node.className = className;
  return node;
}

// Words between backticks are code, as in the description itself.
function prose(text) {
  return text.split("`").map((piece, index) => (index % 2 ? element("code", piece) : piece));
}

// "#/components/schemas/Image" -> the schema itself.
function resolve(description, schema) {
  if (!schema || !schema.$ref) return schema ?? {};
  return schema.$ref.slice(2).split("/").reduce((node, key) => node[key], description);
}

function input_for(name, schema, is_required) {
  let input;
  if (schema.enum) {
    input = element("select");
    input.append(new Option("", ""), ...schema.enum.map((value) => new Option(value, value)));
  } else {
    const is_list = schema.type === "array";
    const is_file = (schema.items ?? schema).contentMediaType === "application/octet-stream";
    input = element("input");
    input.type = is_file ? "file" : schema.type === "integer" ? "number" : "text";
    if (is_file) input.accept = "image/*";
    if (is_file) input.multiple = is_list;
    else if (is_list) input.placeholder = "separated by blanks";
    if (is_list) input.dataset.list = "";
    if (schema.minimum !== undefined) input.min = schema.minimum;
    if (schema.maximum !== undefined) input.max = schema.maximum;
    if (schema.default !== undefined) input.placeholder = String(schema.default);
  }
  input.name = name;
  input.required = is_required;
  return input;
}

function labelled(title, note, input) {
  const label = element("label", title);
  if (note) {
    const small = element("small");
    small.append(...prose(note));
    label.append(small);
  }
  label.append(input);
  return label;
}

// The fields of one body form; each gives back what fetch needs.
const body_forms = {
  "multipart/form-data": {
    build: (schema) => Object.entries(schema.properties).map(([name, property]) =>
      labelled(name, property.description, input_for(name, property, (schema.required ?? []).includes(name)))),
    read: (inputs) => {
      const form = new FormData();
      for (const input of inputs) {
        if (input.type === "file") for (const file of input.files) form.append(input.name, file);
        else if (input.value) form.append(input.name, input.value);
      }
      return { body: form };
    },
    curl: (inputs) => inputs.filter((input) => input.value).flatMap((input) =>
      (input.type === "file" ? [...input.files].map((file) => `@${file.name}`) : [input.value])
        .map((value) => `-F ${quoted(`${input.name}=${value}`)}`)),
  },
  "application/json": {
    build: (schema, example) => (Object.values(schema.properties).every(is_flat)
      ? body_forms["multipart/form-data"].build(schema) : [labelled("json", "", json_input(example))]),
    read: (inputs) => ({ body: json_of(inputs), headers: { "Content-Type": "application/json" } }),
    curl: (inputs) => ["-H 'Content-Type: application/json'", `-d ${quoted(json_of(inputs))}`],
  },
  "application/octet-stream": {
    build: () => [labelled("picture", "The file itself is the body.",
      input_for("picture", { contentMediaType: "application/octet-stream" }, true))],
    read: ([input]) => ({ body: input.files[0], headers: { "Content-Type": "application/octet-stream" } }),
    curl: ([input]) => ["-H 'Content-Type: application/octet-stream'",
      `--data-binary ${quoted(`@${input.files[0]?.name ?? "picture.jpg"}`)}`],
  },
};

// What one field can hold.
function is_flat(property) {
  return property.enum || typeof (property.items ?? property).type === "string";
}

function json_input(example) {
  const input = element("textarea");
  input.rows = 8;
  input.dataset.json = "";
  input.value = JSON.stringify(example, null, 2);
  return input;
}

function json_of(inputs) {
  if (inputs.length === 1 && "json" in inputs[0].dataset) return inputs[0].value;
  return JSON.stringify(Object.fromEntries(inputs.filter((input) => input.value).map((input) =>
    [input.name, "list" in input.dataset ? input.value.trim().split(/\s+/) : input.value])));
}

// For a POSIX shell.
function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

class Endpoint {
  constructor(description, path, method, operation) {
    this.description = description;
    this.path = path;
    this.method = method.toUpperCase();
    this.operation = operation;
    this.node = template.content.cloneNode(true).firstElementChild;
    this.node.dataset.search = `${this.method} ${path} ${operation.summary}`.toLowerCase();
    this.node.dataset.endpoint = `${this.method} ${path}`;
    this.part(".method").textContent = this.method;
    this.part(".method").classList.add(method);
    this.part(".path").textContent = path;
    this.part(".gist").textContent = operation.summary;
    this.part(".description").append(...prose(operation.description));
    this.build_fields();
    this.build_answers();
    this.part("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.part(".copy").addEventListener("click", () => this.copy());
  }

  part(selector) {
    return this.node.querySelector(selector);
  }

  build_fields() {
    const fields = this.part(".fields");
    this.parameters = (this.operation.parameters ?? []).map((parameter) => {
      const input = input_for(parameter.name, resolve(this.description, parameter.schema), parameter.required);
      if (parameter.example && !input.placeholder) input.placeholder = parameter.example;
      fields.append(labelled(parameter.name, parameter.description, input));
      return { ...parameter, input };
    });
    const content = this.operation.requestBody?.content;
    if (!content) return;
    const choice = element("select");
    for (const type of Object.keys(body_forms)) if (content[type]) choice.append(new Option(type, type));
    const place = element("div", "", "fields");
    choice.addEventListener("change", () => this.choose_body(choice.value, content, place));
    fields.append(labelled("Body", this.operation.requestBody.description, choice), place);
    this.choose_body(choice.value, content, place);
  }

  choose_body(type, content, place) {
    const schema = resolve(this.description, content[type].schema);
    // What can also be said in the query is asked for once.
    const names = new Set(this.parameters.map((parameter) => parameter.name));
    const properties = Object.entries(schema.properties ?? {}).filter(([name]) => !names.has(name));
    const fields = { ...schema, properties: Object.fromEntries(properties) };
    place.replaceChildren(...body_forms[type].build(fields, content[type].example));
    this.body = { form: body_forms[type], inputs: [...place.querySelectorAll("input, select, textarea")] };
  }

  build_answers() {
    const list = this.part("dl");
    for (const [status, answer] of Object.entries(this.operation.responses)) {
      const types = Object.keys(answer.content ?? {});
      const description = element("dd");
      description.append(...prose(answer.description));
      for (const header of Object.keys(answer.headers ?? {})) description.append(" ", element("code", header));
      const example = types.length > 0 ? answer.content[types[0]].example : undefined;
      if (example !== undefined) {
        const text = typeof example === "string" ? example : JSON.stringify(example, null, 2);
        description.append(element("pre", text));
      }
      list.append(element("dt", [status, ...types].join("  ")), description);
    }
  }

  target() {
    let path = this.path;
    const query = new URLSearchParams();
    for (const { name, in: where, input } of this.parameters) {
      if (where === "path") path = path.replace(`{${name}}`, encodeURIComponent(input.value));
      else if (where === "query" && input.value) query.set(name, input.value);
    }
    return query.size ? `${path}?${query}` : path;
  }

  headers() {
    return Object.fromEntries(this.parameters.filter(({ in: where, input }) => where === "header" && input.value)
      .map(({ name, input }) => [name, input.value]));
  }

  async copy() {
    const headers = Object.entries(this.headers()).flatMap(([name, value]) => ["-H", quoted(`${name}: ${value}`)]);
    const words = ["curl", "-X", this.method, ...headers, ...(this.body?.form.curl(this.body.inputs) ?? []),
      quoted(location.origin + this.target())];
    const command = words.join(" ");
    try {
      await navigator.clipboard.writeText(command);
      this.show_text("copied", command);
    } catch {
      this.show_text("copy this", command);  // no clipboard without https or permission
    }
  }

  async send() {
    const button = this.part('button[type="submit"]');
    button.disabled = true;
    const started = performance.now();
    this.stream?.cancel().catch(() => {});  // of a former answer without an end
    try {
      const request = this.body?.form.read(this.body.inputs) ?? {};
      const headers = { ...this.headers(), ...request.headers };
      const answer = await fetch(this.target(), { ...request, method: this.method, headers });
      await this.show(answer, performance.now() - started);
    } catch (error) {
      this.show_text("no answer", String(error), true);
    } finally {
      button.disabled = false;
    }
  }

  show_text(status, text, is_bad = false, duration = "") {
    this.part(".reply").hidden = false;
    this.part(".picture").hidden = true;
    this.part(".status").textContent = status;
    this.part(".status").classList.toggle("bad", is_bad);
    this.part(".duration").textContent = duration;
    this.part(".body").textContent = text;
  }

  // Shows what comes, the last of it, until the next request.
  async follow(status, stream) {
    this.stream = stream;
    let text = "";
    this.show_text(status, text);
    try {
      for (let { value, done } = await stream.read(); !done; { value, done } = await stream.read()) {
        text = (text + value).slice(-shown_of_stream);
        this.part(".body").textContent = text;
      }
    } catch (error) {
      if (this.stream === stream) this.show_text("ended", String(error), true);
    }
  }

  async show(answer, duration_ms) {
    const type = answer.headers.get("Content-Type") ?? "";
    const duration = `${duration_ms.toFixed(0)} ms`;
    const status = `${answer.status} ${answer.statusText}`;
    if (type.startsWith("image/")) {
      const blob = await answer.blob();
      this.show_text(status, `${type}, ${blob.size} bytes`, false, duration);
      const picture = this.part(".picture");
      URL.revokeObjectURL(picture.src);
      picture.src = URL.createObjectURL(blob);
      picture.hidden = false;
      return;
    }
    if (type.startsWith("text/event-stream")) {
      this.follow(status, answer.body.pipeThrough(new TextDecoderStream()).getReader());
      return;
    }
    const text = await answer.text();
    const is_json = /[/+]json\b/.test(type);
    this.show_text(status, is_json ? JSON.stringify(JSON.parse(text), null, 2) : text, !answer.ok, duration);
  }
}

function show_all(description) {
  document.getElementById("version").textContent = description.info.version;
  const about = document.getElementById("about");
  const link = element("a", "/openapi.json");
  link.href = "/openapi.json";
  about.replaceChildren(`${description.info.description} Machine-readable: `, link);
  for (const tag of description.tags) {
    const section = element("section");
    const heading = element("h2", `${tag.name} `);
    heading.append(element("small", tag.description));
    section.append(heading);
    for (const [path, operations] of Object.entries(description.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        if (operation.tags.includes(tag.name)) {
          section.append(new Endpoint(description, path, method, operation).node);
        }
      }
    }
    main.append(section);
  }
}

document.getElementById("filter").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  for (const node of main.querySelectorAll(".endpoint")) node.hidden = !node.dataset.search.includes(wanted);
  for (const section of main.querySelectorAll("section")) {
    const endpoints = section.querySelectorAll(":scope > .endpoint");
    if (endpoints.length > 0) section.hidden = [...endpoints].every((node) => node.hidden);
  }
});

try {
  show_all(await (await fetch("/openapi.json")).json());
} catch (error) {
  main.append(element("p", `The description could not be read: ${error}`));
}
