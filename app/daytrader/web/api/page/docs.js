// Shows every operation of openapi.json with a form to try it. Text from outside only ever becomes text nodes.
"use strict";

const LONGEST_SHOWN = 100000;
const EVENTS_SHOWN = 5;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function resolve(schema, components) {
  return schema.$ref ? components[schema.$ref.split("/").pop()] : schema;
}

// A value that a field of this schema may have.
function example(schema) {
  if (schema.enum) return schema.enum[0];
  if (schema.examples) return schema.examples[0];
  if (schema.type === "integer") return 10000;
  return schema.pattern && schema.pattern.includes("A-Za-z") ? "bob" : "DOG";
}

function exampleBody(content, components) {
  const [type, media] = Object.entries(content)[0];
  if (media.example !== undefined) return [type, media.example];
  const properties = Object.entries(resolve(media.schema, components).properties);
  const document_ = Object.fromEntries(properties.map(([name, schema]) => [name, example(schema)]));
  return [type, JSON.stringify(document_, null, 2)];
}

function field(parameter) {
  const input = element("input", { name: parameter.name });
  if (parameter.required) {
    input.required = true;
    input.value = example(parameter.schema);
  }
  const says = parameter.description ? `${parameter.name}: ${parameter.description}` : parameter.name;
  return [input, element("label", {}, says, input)];
}

function request(operation, inputs, body) {
  const headers = {};
  let path = operation.path;
  for (const [parameter, input] of inputs) {
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value) headers[parameter.name] = input.value;
  }
  const token = document.getElementById("token").value.trim();
  if (token) headers.Authorization = `Bearer ${token}`;
  const init = { method: operation.method.toUpperCase(), headers };
  if (body) {
    headers["Content-Type"] = body.type;
    init.body = body.input.value;
  }
  return [operation.base + path, init];
}

// Shows what comes as it comes: some answers are long, and a stream of events never ends by itself.
async function show(answer, output) {
  const type = answer.headers.get("Content-Type") || "";
  const heading = `${answer.status} ${answer.statusText}\n`;
  const decoder = new TextDecoder();
  const reader = answer.body.getReader();
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += decoder.decode(part.value, { stream: true });
    const enough = type.startsWith("text/event-stream") && text.split("\n\n").length > EVENTS_SHOWN;
    output.textContent = heading + text.slice(0, LONGEST_SHOWN);
    if (enough || text.length > LONGEST_SHOWN) {
      output.textContent += "\n… (cut)";
      await reader.cancel();
      return;
    }
  }
  if (/[/+]json$/.test(type)) output.textContent = heading + JSON.stringify(JSON.parse(text), null, 2);
  else output.textContent = heading + text;
}

function form(operation, components) {
  const inputs = (operation.parameters || []).map((parameter) => [parameter, ...field(parameter)]);
  const made = element("form", {}, ...inputs.map((one) => one[2]));
  let body = null;
  if (operation.requestBody) {
    const [type, text] = exampleBody(operation.requestBody.content, components);
    const input = element("textarea", { rows: "5", spellcheck: "false" });
    input.value = text;
    body = { type, input };
    made.append(element("label", {}, `Body, ${type}`, input));
  }
  const output = element("pre", { role: "status", tabindex: "0" }, "No answer yet.");
  made.append(element("button", { type: "submit" }, "Send"), output);
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    output.textContent = "Waiting for the answer…";
    try {
      await show(await fetch(...request(operation, inputs, body)), output);
    } catch (error) {
      output.textContent = `No answer: ${error.message}`;
    }
  });
  return made;
}

function shown(operation, components) {
  const summary = element(
    "summary",
    {},
    element("span", { class: "method" }, operation.method.toUpperCase()),
    element("span", { class: "path" }, operation.path),
    element("br"),
    operation.summary,
  );
  return element("details", { id: operation.operationId }, summary, form(operation, components));
}

async function load() {
  const says = document.getElementById("says");
  try {
    const api = await (await fetch("openapi.json")).json();
    says.textContent = api.info.description;
    const main = document.getElementById("operations");
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const known = { ...operation, path, method, base: api.servers[0].url };
        main.append(shown(known, api.components.schemas));
      }
    }
  } catch (error) {
    says.textContent = `The document cannot be had: ${error.message}`;
  }
}

load();
