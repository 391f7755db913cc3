/**
 * Code that makes pictures from pictures through this gateway: Python, Node and curl; files are named, not included.
 */

import {
  nodeProperties,
  pythonArguments,
  savedByCurl,
  savedInNode,
  savedInPython,
  shellWord,
  text,
  writesFiles,
} from "../snippet_parts.js";

/** What the SDK for Python takes by name for these, besides what it takes for generations, too. */
const PYTHON_NAMES = ["input_fidelity"];

/**
 * The same request in each language; the key is taken from the environment, as SDKs do: `OPENAI_API_KEY`.
 *
 * @param {{baseUrl: string, body: Object, image: string[], mask?: string, markup?: string}} order Files by their names.
 * @returns {Array<{name: string, text: string}>} With a markup for curl only: the SDKs do not know it.
 */
export function editSnippets(order) {
  const curl = { name: "curl", text: inCurl(order) };
  return order.markup
    ? [curl]
    : [{ name: "Python", text: inPython(order) }, { name: "Node", text: inNode(order) }, curl];
}

function inPython({ baseUrl, body, image, mask }) {
  const file = (name) => `open(${text(name)}, "rb")`;
  const files = [`    image=[${image.map(file).join(", ")}],`, ...(mask ? [`    mask=${file(mask)},`] : [])];
  const call = ["client.images.edit(", ...files, ...pythonArguments(body, PYTHON_NAMES), ")"].join("\n");
  return [
    ...(writesFiles(body) ? ["import base64", ""] : []),
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url=${text(baseUrl)})`,
    ...savedInPython(body, call),
  ].join("\n");
}

function inNode({ baseUrl, body, image, mask }) {
  const file = (name) => `createReadStream(${text(name)})`;
  const files = [`  image: [${image.map(file).join(", ")}],`, ...(mask ? [`  mask: ${file(mask)},`] : [])];
  const call = ["await client.images.edit({", ...files, ...nodeProperties(body), "})"].join("\n");
  return [
    "// Save it as picture.mjs.",
    `import { createReadStream${writesFiles(body) ? ", writeFileSync" : ""} } from "node:fs";`,
    'import OpenAI from "openai";',
    "",
    `const client = new OpenAI({ baseURL: ${text(baseUrl)} });`,
    ...savedInNode(body, call),
  ].join("\n");
}

function inCurl({ baseUrl, body, image, mask, markup }) {
  const file = (field, name) => `-F ${shellWord(`${field}=@"${name.replaceAll(/["\\]/g, "\\$&")}"`)}`;
  return savedByCurl(body, `${baseUrl}/images/edits`, [
    '-H "Authorization: Bearer $OPENAI_API_KEY"',
    ...Object.entries(body).map(([name, value]) => `--form-string ${shellWord(`${name}=${value}`)}`),
    ...image.map((name) => file("image[]", name)),
    ...(mask ? [file("mask", mask)] : []),
    ...(markup ? [file("markup", markup)] : []),
  ]);
}
