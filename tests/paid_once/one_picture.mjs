// Ask for one picture with the Node SDK installed beside this file, as a user's program does, and tell of each try:
// the same plan and the same lines as one_picture.py.

import OpenAI from "openai";

const plan = JSON.parse(process.argv[2]);

const tell = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);

const telling = (url, given) => {
  // The SDK also fetches a data: URL, to find out what this fetch can do.
  if (String(url).startsWith("http")) tell({ try: Number(new Headers(given.headers).get("x-stainless-retry-count")) });
  return fetch(url, given);
};

const client = new OpenAI({
  baseURL: plan.base_url,
  apiKey: plan.key,
  timeout: plan.timeout_seconds * 1000,
  fetch: telling,
});

try {
  const made = await client.images.generate(plan.order, { headers: plan.headers });
  tell({ picture: made.data[0].b64_json });
} catch (error) {
  tell({ error: error.constructor.name, status: error.status ?? 0, code: error.code ?? null });
}
