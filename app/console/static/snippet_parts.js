/**
 * What snippets are made of, whatever they ask for: values as each language writes them, and saving what comes.
 */

/** What both of the SDK's functions take by name; anything else of a body goes into `extra_body`. */
const PYTHON_NAMES = [
  "background",
  "model",
  "n",
  "output_compression",
  "output_format",
  "partial_images",
  "prompt",
  "quality",
  "response_format",
  "size",
  "stream",
  "user",
];

/** A text as both Python and JavaScript write it: JSON's escapes are theirs. */
export function text(value) {
  return JSON.stringify(String(value));
}

/** One word of a shell's, whatever is in it. */
export function shellWord(value) {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/**
 * The arguments of a call in Python, a line each.
 *
 * @param {Object} body
 * @param {string[]} more What this function takes by name besides.
 */
export function pythonArguments(body, more) {
  const isNamed = ([name]) => PYTHON_NAMES.includes(name) || more.includes(name);
  const extra = Object.entries(body).filter((entry) => !isNamed(entry));
  const given = Object.entries(body)
    .filter(isNamed)
    .map(([name, value]) => `    ${name}=${pythonValue(value)},`);
  if (extra.length > 0) given.push(`    extra_body=${pythonValue(Object.fromEntries(extra))},`);
  return given;
}

/** The properties of a call in Node, a line each. */
export function nodeProperties(body) {
  return Object.entries(body).map(([name, value]) => `  ${propertyName(name)}: ${JSON.stringify(value)},`);
}

/** Whether the pictures come in the answer and are written to files; else there are links to be told. */
export function writesFiles(body) {
  return Boolean(body.stream) || body.response_format !== "url";
}

/** Lines of Python that make a call and save its pictures; they need `base64` where they write files. */
export function savedInPython(body, call) {
  const written = (indent, source) => [
    `${indent}with open(f"picture-{number}.${ending(body)}", "wb") as file:`,
    `${indent}    file.write(base64.b64decode(${source}))`,
  ];
  if (body.stream) {
    return [
      "number = 0",
      `for event in ${call}:`,
      "    print(event.type)",
      '    if event.type.endswith(".completed"):',
      "        number += 1",
      ...written("        ", "event.b64_json"),
    ];
  }
  if (!writesFiles(body)) return [`answer = ${call}`, "for image in answer.data:", "    print(image.url)"];
  return [
    `answer = ${call}`,
    "for number, image in enumerate(answer.data, start=1):",
    ...written("    ", "image.b64_json"),
  ];
}

/** The same for Node; they need `writeFileSync` where they write files. */
export function savedInNode(body, call) {
  const written = (source) => [
    "  number += 1;",
    `  writeFileSync(\`picture-\${number}.${ending(body)}\`, Buffer.from(${source}, "base64"));`,
    "}",
  ];
  if (body.stream) {
    return [
      "let number = 0;",
      `const events = ${call};`,
      "for await (const event of events) {",
      "  console.log(event.type);",
      '  if (!event.type.endsWith(".completed")) continue;',
      ...written("event.b64_json"),
    ];
  }
  if (!writesFiles(body))
    return [`const answer = ${call};`, "for (const image of answer.data) console.log(image.url);"];
  return [
    `const answer = ${call};`,
    "let number = 0;",
    "for (const image of answer.data) {",
    ...written("image.b64_json"),
  ];
}

/**
 * A command that makes a call with curl and saves its pictures; a stream is shown as it comes.
 *
 * @param {Object} body
 * @param {string} url
 * @param {string[]} options Of curl's, a line each.
 */
export function savedByCurl(body, url, options) {
  const head = [`curl --fail-with-body ${body.stream ? "--no-buffer " : ""}${shellWord(url)}`, ...options];
  if (!body.stream) head.push(...piped(body));
  return head.map((line, at) => (at > 0 ? `  ${line}` : line)).join(" \\\n");
}

function piped(body) {
  if (!writesFiles(body)) return ["| jq -r '.data[].url'"];
  if (Number(body.n) > 1) {
    const loop = [
      "| jq -r '.data[].b64_json' | while read -r image; do",
      `    number=$((number + 1)); printf %s "$image" | base64 -d > "picture-$number.${ending(body)}"`,
      "  done",
    ];
    return [loop.join("\n")];
  }
  return [`| jq -r '.data[0].b64_json' | base64 -d > picture.${ending(body)}`];
}

function ending({ output_format: format }) {
  return { jpeg: "jpg", webp: "webp", gif: "gif" }[format] ?? "png";
}

function pythonValue(value) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(", ")}]`;
  if (typeof value === "object") {
    const entries = Object.entries(value).map(([name, inner]) => `${text(name)}: ${pythonValue(inner)}`);
    return `{${entries.join(", ")}}`;
  }
  return JSON.stringify(value);
}

function propertyName(name) {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : text(name);
}
