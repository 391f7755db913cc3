/**
 * What differs between two documents: for sending a change, and for showing one.
 */

/**
 * The JSON merge patch (RFC 7396) that makes `after` of `before`: what is equal is not in it, what is gone is null.
 *
 * @param {Object} before
 * @param {Object} after
 */
export function mergePatch(before, after) {
  const patch = Object.create(null); // a note may be called `__proto__`
  for (const name of namesOf(before, after)) {
    const [old, now] = [ownOf(before, name), ownOf(after, name)];
    if (isSame(old, now)) continue;
    patch[name] = isObject(old) && isObject(now) ? mergePatch(old, now) : now;
  }
  return patch;
}

/** Whether a patch changes nothing. */
export function isNothing(patch) {
  return Object.keys(patch).length === 0;
}

/**
 * The single fields that differ, each by its path: `limits.budget.limit`. A budget that is new or gone is told as one.
 *
 * @returns {Array<{field: string, before: any, after: any}>} null stands for what is not there.
 */
export function differences(before, after, within = "") {
  const found = [];
  for (const name of namesOf(before, after)) {
    const [old, now] = [ownOf(before, name), ownOf(after, name)];
    if (isSame(old, now)) continue;
    const field = within ? `${within}.${name}` : name;
    const areBoth = isObject(old) && isObject(now);
    if (areBoth || ((isObject(old) || isObject(now)) && name !== "budget")) found.push(...differences(old, now, field));
    else found.push({ field, before: old, after: now });
  }
  return found;
}

function namesOf(...documents) {
  return [...new Set(documents.flatMap((document) => Object.keys(document ?? {})))];
}

/** What a document itself has under a name, and not what every object has (`constructor`, `toString`). */
function ownOf(document, name) {
  return Object.hasOwn(document ?? {}, name) ? (document[name] ?? null) : null;
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSame(one, other) {
  if (isObject(one) && isObject(other))
    return namesOf(one, other).every((name) => isSame(ownOf(one, name), ownOf(other, name)));
  return JSON.stringify(one) === JSON.stringify(other);
}
