/**
 * Of several questions about the same thing only the last one's answer counts.
 */

/**
 * Makes a signal for each question; the next question, or leaving the page, ends it.
 *
 * @param {AbortSignal} signal Of the page.
 * @returns {() => AbortSignal}
 */
export function latest(signal) {
  let before = new AbortController();
  return () => {
    before.abort();
    before = new AbortController();
    return AbortSignal.any([signal, before.signal]);
  };
}
