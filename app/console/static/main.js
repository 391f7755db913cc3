/**
 * The console: signs in, shows who is signed in and where to go, and follows the address.
 */

import { h, replace } from "./dom.js";
import { Refused } from "./doors.js";
import { loading } from "./parts.js";
import { pages } from "./pages.js";
import { endVisit, followAddress } from "./router.js";
import { end, session } from "./session.js";
import { identify, showSignIn } from "./sign_in.js";

const top = document.getElementById("top");
const main = document.getElementById("main");

const routes = () => pages.filter((page) => page.who.includes(session.who.kind));
const go = followAddress(main, routes, drawTop);

// A link to "#main" would be taken for an address of the router's.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  (main.querySelector("h1") ?? main).focus();
});

// A secret that was taken back meanwhile is of no more use, wherever that was noticed.
window.addEventListener("signed-out", (event) => signOut(event.detail));

await start();

async function start() {
  if (!session.secret) return signIn();
  replace(main, loading("Signing in"));
  try {
    await identify(session.secret, { kept: true });
  } catch (error) {
    if (error instanceof Refused && (error.status === 401 || error.status === 403)) return signOut(error.message);
    return signIn(error.message);
  }
  go();
}

function signIn(problem) {
  drawTop(null);
  showSignIn(main, problem, go);
}

function signOut(problem) {
  endVisit();
  end();
  signIn(problem);
}

function drawTop(current) {
  const who = session.who;
  replace(
    top,
    h("a", { class: "brand", href: "#" }, h("img", { src: "boat.svg", alt: "", width: 28, height: 28 }), "imagegate"),
    who &&
      h(
        "nav",
        { "aria-label": "Pages" },
        routes()
          .filter((page) => page.name)
          .map((page) =>
            h("a", { href: `#${page.path}`, "aria-current": isWithin(page.path, current) ? "page" : null }, page.name),
          ),
      ),
    who &&
      h(
        "div",
        { class: "who" },
        h("span", {}, h("strong", {}, who.name), ` ${who.kind === "operator" ? who.role : `of ${who.team}`}`),
        h("button", { type: "button", class: "quiet", on: { click: () => leavePage() } }, "Sign out"),
      ),
  );
}

function leavePage() {
  signOut();
  history.replaceState(null, "", location.pathname);
}

function isWithin(path, current) {
  return current !== null && (current === path || current.startsWith(`${path}/`));
}
