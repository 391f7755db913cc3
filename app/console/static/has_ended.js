/**
 * Whether a request has ended, by the state that either door tells of it.
 */

const UNDER_WAY = new Set(["waiting", "in_progress"]);

/** Not so while it waits for its turn, or is being made. */
export function hasEnded(state) {
  return !UNDER_WAY.has(state);
}
