/**
 * Makes something at the operator's door once, however often its form is sent.
 */

import { admin, newOnce, Refused } from "./doors.js";

/**
 * What a form for something new sends its body with; to be asked for when the form is opened.
 *
 * @param {string} address Below `/admin/v1`.
 * @returns {(body: Object) => Promise<Object>}
 */
export function creator(address) {
  const once = newOnce();
  return async (body) => {
    try {
      return await admin(address, { body, once });
    } catch (error) {
      // Only what got no answer keeps its name; then the form was changed, and sent again.
      if (error.code !== "idempotency_key_reused") throw error;
      throw new Refused(
        "This may have been made already, as it was first sent. Close the form and look at the list.",
        error,
      );
    }
  };
}
