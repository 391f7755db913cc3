/**
 * How the parameters of the models are called in the form, and what their rules say in a sentence. Pure.
 */

const LABELS = {
  n: "Pictures",
  output_format: "File format",
  output_compression: "Compression",
  partial_images: "Partial pictures",
  user: "End user",
  image: "Reference pictures",
  frame_duration_ms: "Frame duration (ms)",
  frame_count: "Frames",
  prompt_extend: "Extend the prompt",
};

const MEANINGS = {
  partial_images: "shown while the picture is made",
  output_compression: "in per cent",
  user: "whom the picture is for; any name of yours",
  safety_identifier: "a stable name of the end user, for the provider",
  negative_prompt: "what should not be in the picture",
  seed: "the same number makes similar pictures again",
};

/** `Output format` of `output_format`, unless there is a better name. */
export function labelOf(name) {
  const words = name.replaceAll("_", " ");
  return LABELS[name] ?? words[0].toUpperCase() + words.slice(1);
}

/** What may be given, and whether the cost depends on it; empty where there is nothing to say. */
export function hintOf(name, rule) {
  const parts = [MEANINGS[name], bounds(name, rule), rule.changes_cost && "changes the cost"]
    .filter(Boolean)
    .join("; ");
  return parts && parts[0].toUpperCase() + parts.slice(1);
}

/** What a value left open means. */
export function defaultOf(rule) {
  return rule.default === undefined ? "Left to the model" : `Default (${rule.default})`;
}

const COMMON_SIZES = [
  "1024x1024",
  "1536x1024",
  "1024x1536",
  "1280x720",
  "720x1280",
  "2048x2048",
  "2048x1152",
  "3840x2160",
  "2160x3840",
  "4096x4096",
];

/** The sizes to choose from: words, those listed, and common ones that fit where any size may be given. */
export function sizesOf(rule) {
  const common = rule.free ? COMMON_SIZES.filter((size) => fits(size, rule.free)) : [];
  return [...new Set([...(rule.words ?? []), ...(rule.listed ?? []), ...common])];
}

/** What sizes of one's own have to be like. */
export function freeSizeHint({
  multiple_of: step,
  max_edge: edge,
  max_aspect: aspect,
  min_pixels: least,
  max_pixels: most,
}) {
  const steps = step > 1 ? `both multiples of ${step}, ` : "";
  const pixels = `${least > 1 ? `${megapixels(least)} to ` : "at most "}${megapixels(most)} megapixels`;
  return `Width x height: ${steps}at most ${edge} each and ${aspect}:1, ${pixels}`;
}

function fits(size, free) {
  const [width, height] = size.split("x").map(Number);
  const edges = [width, height];
  return (
    edges.every((edge) => edge % free.multiple_of === 0 && edge >= free.min_edge && edge <= free.max_edge) &&
    Math.max(...edges) / Math.min(...edges) <= free.max_aspect &&
    width * height >= free.min_pixels &&
    width * height <= free.max_pixels
  );
}

function bounds(name, rule) {
  if (name === "n" && rule.max === 1) return "1, or more where the key may fan out";
  if (rule.type === "integer" || rule.type === "number") {
    const wide = Math.max(Math.abs(rule.min), Math.abs(rule.max)) > 1e6;
    return wide ? null : `${rule.min} to ${rule.max}`;
  }
  if (rule.type === "string" && rule.max_chars) return `at most ${rule.max_chars} characters`;
  if (rule.type === "references") return `at most ${rule.max_count}, about 700 kB together`;
  return null;
}

function megapixels(pixels) {
  return Number((pixels / 1e6).toPrecision(2));
}
