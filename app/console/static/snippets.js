/**
 * Code that asks for a picture through this gateway: Python, Node and curl, ready to be run.
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
} from "./snippet_parts.js";

/** What the SDK for Python takes by name for these, besides what it takes for edits, too. */
const PYTHON_NAMES = ["moderation", "style"];

/**
 * The same request in each language.
 *
 * @param {{baseUrl: string, key?: string, body: Object}} of `body` is that of `POST /v1/images/generations`; without a
 *   `key` the code takes it from the environment, as SDKs do: `OPENAI_API_KEY`.
 * @returns {Array<{name: string, text: string}>}
 */
export function snippets({ baseUrl, key, body }) {
  return [
    { name: "Python", text: inPython(baseUrl, key, body) },
    { name: "Node", text: inNode(baseUrl, key, body) },
    { name: "curl", text: inCurl(baseUrl, key, body) },
  ];
}

function inPython(baseUrl, key, body) {
  const call = ["client.images.generate(", ...pythonArguments(body, PYTHON_NAMES), ")"].join("\n");
  return [
    ...(writesFiles(body) ? ["import base64", ""] : []),
    "from openai import OpenAI",
    "",
    "client = OpenAI(",
    `    base_url=${text(baseUrl)},`,
    ...(key ? [`    api_key=${text(key)},`] : []),
    ")",
    ...savedInPython(body, call),
  ].join("\n");
}

function inNode(baseUrl, key, body) {
  const call = ["await client.images.generate({", ...nodeProperties(body), "})"].join("\n");
  return [
    "// Save it as picture.mjs.",
    ...(writesFiles(body) ? ['import { writeFileSync } from "node:fs";'] : []),
    'import OpenAI from "openai";',
    "",
    "const client = new OpenAI({",
    `  baseURL: ${text(baseUrl)},`,
    ...(key ? [`  apiKey: ${text(key)},`] : []),
    "});",
    ...savedInNode(body, call),
  ].join("\n");
}

function inCurl(baseUrl, key, body) {
  return savedByCurl(body, `${baseUrl}/images/generations`, [
    `-H ${key ? shellWord(`Authorization: Bearer ${key}`) : '"Authorization: Bearer $OPENAI_API_KEY"'}`,
    "-H 'Content-Type: application/json'",
    `-d ${shellWord(JSON.stringify(body))}`,
  ]);
}
