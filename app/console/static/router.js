/**
 * Shows the page that the address names: `#/teams/design` is the route `/teams/:team`. Addresses hold no secret.
 */

import { h, replace, tell } from "./dom.js";
import { failed, loading, report } from "./parts.js";

let leave = new AbortController();

/**
 * Follows the address from now on.
 *
 * @param {HTMLElement} main Where pages are shown.
 * @param {() => Array<{path: string, page: Page, who: string[]}>} routes Those of whoever is signed in, home first.
 * @param {(path: string) => void} arrived Told with the route that is shown.
 *
 * @typedef {{title: string|((params: Object) => string), show: (visit: Visit) => Promise<void>}} Page
 * @typedef {{root: HTMLElement, params: Object, query: URLSearchParams, signal: AbortSignal}} Visit
 *   `signal` is aborted when the page is left: it ends requests and timers of the page.
 */
export function followAddress(main, routes, arrived) {
  const go = () => visit(main, routes(), arrived);
  window.addEventListener("hashchange", go);
  return go;
}

/** Ends the requests and timers of the page that is shown, where it is left without another one. */
export function endVisit() {
  leave.abort();
}

/** Goes to an address of the console, such as `/teams/design`. */
export function goTo(address) {
  if (location.hash === `#${address}`) window.dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = address;
}

/** Changes the query of the address without showing the page anew. */
export function rememberQuery(query) {
  const [path] = location.hash.slice(1).split("?");
  const kept = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(kept).toString();
  history.replaceState(null, "", `#${path}${text && `?${text}`}`);
}

async function visit(main, routes, arrived) {
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  const [path, query] = (location.hash.slice(1) || routes[0].path).split("?");
  const found = match(routes, path);
  const root = h("div", { class: "page" }, loading());
  replace(main, root);
  if (!found) {
    document.title = "Nothing here · imagegate";
    replace(
      root,
      h("h1", { tabindex: "-1" }, "Nothing here"),
      h("p", {}, h("a", { href: `#${routes[0].path}` }, "To the first page")),
    );
    arrived(null);
    return;
  }
  const { route, params } = found;
  const title = typeof route.page.title === "function" ? route.page.title(params) : route.page.title;
  document.title = `${title} · imagegate`;
  const heading = h("h1", { tabindex: "-1" }, title);
  const body = h("div", { class: "page-body" });
  replace(root, heading, body);
  arrived(route.path);
  // Whoever does not see that the page has changed hears it, and goes on from its heading.
  heading.focus({ preventScroll: true });
  window.scrollTo(0, 0);
  tell(title);
  const show = async () => {
    replace(body, loading());
    try {
      await route.page.show({ root: body, params, query: new URLSearchParams(query), signal });
    } catch (error) {
      if (error.name === "AbortError" || signal.aborted) return;
      report(error);
      replace(body, failed(error, show));
    }
  };
  await show();
}

function match(routes, path) {
  const parts = path.split("/");
  for (const route of routes) {
    const wanted = route.path.split("/");
    if (wanted.length !== parts.length) continue;
    const params = {};
    const fits = wanted.every((want, at) => {
      if (!want.startsWith(":")) return want === parts[at];
      params[want.slice(1)] = decoded(parts[at]);
      return Boolean(params[want.slice(1)]);
    });
    if (fits) return { route, params };
  }
  return null;
}

/** A part of an address as it was before it was encoded; null where it never was. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
