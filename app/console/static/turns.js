/**
 * Lets a few things be done at once, and the others wait for their turn.
 */

/**
 * @param {number} most At once.
 * @returns {(work: () => Promise<any>) => Promise<any>}
 */
export function turns(most) {
  let running = 0;
  const waiting = [];
  const next = () => {
    running -= 1;
    waiting.shift()?.();
  };
  return async (work) => {
    if (running >= most) await new Promise((resolve) => waiting.push(resolve));
    running += 1;
    try {
      return await work();
    } finally {
      next();
    }
  };
}
