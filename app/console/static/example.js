/**
 * A first picture to ask for: small, cheap, and by a model that may be used.
 */

/**
 * The body of a generation that a key may send.
 *
 * @param {{models: string[]|null}} key Its allow-list, null without one.
 * @param {Object|null} catalog Of either door; null where it could not be had.
 */
export function exampleBody(key, catalog) {
  const models = catalog?.models.filter((model) => model.prices && model.operations.generations) ?? [];
  const usable = models.filter((model) => key.models === null || key.models.includes(model.name));
  const model =
    usable.find((one) => one.name === catalog.default_model) ??
    usable.find((one) => one.state === "offered") ??
    usable[0];
  const body = { model: model?.name ?? key.models?.[0] ?? "gpt-image-2", prompt: "a paper boat" };
  const { size, quality } = model?.operations.generations.parameters ?? {};
  if (takesSquare(size)) body.size = "1024x1024";
  if (quality?.values?.includes("low")) body.quality = "low";
  if (model && model.container !== "b64_json") body.response_format = "b64_json";
  return body;
}

/** Whether a parameter for the size of pictures takes 1024x1024. */
function takesSquare(size) {
  const { multiple_of: step, max_edge: edge, min_pixels: least, max_pixels: most } = size?.free ?? {};
  const fits = size?.free && 1024 % step === 0 && edge >= 1024 && least <= 1024 ** 2 && most >= 1024 ** 2;
  return Boolean(size?.listed?.includes("1024x1024") || fits);
}
