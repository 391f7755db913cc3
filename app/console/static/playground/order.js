/**
 * What is ordered, as the public door takes it. Pure, but for forms being browser objects.
 */

/** The body of an order: JSON for pictures from words, a form for those made from pictures. */
export function payload({ operation, body, files }) {
  if (operation !== "edits") return body;
  const form = new FormData();
  for (const [name, value] of Object.entries(body)) form.append(name, String(value));
  for (const file of files.image) form.append("image[]", file, file.name);
  for (const name of ["mask", "markup"]) for (const file of files[name]) form.append(name, file, file.name);
  return form;
}

/**
 * How the answer is to come, so that the page can show it: as a stream with partial pictures where the model can, else
 * as base64, because links may lead to hosts that this page does not ask.
 */
export function delivery(model, rules, parameters) {
  if (streams(model, parameters)) return { stream: true };
  return rules.response_format?.values.includes("b64_json") ? { response_format: "b64_json" } : {};
}

/** Whether the model itself streams what these parameters ask for; it does not stream moving pictures. */
export function streams(model, { output_format: format }) {
  return model.streams && format !== "gif";
}

/** What the page needs before a quote or a purchase makes sense: a sentence, or null where nothing is missing. */
export function missing({ operation, body, files }) {
  if (operation === "edits" && files.image.length === 0) return { param: "image", message: "Add a picture to change." };
  if (!body.prompt) return { param: "prompt", message: "Write what the picture should show." };
  return null;
}
