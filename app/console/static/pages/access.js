/**
 * Who may open the operator's door: admin tokens by name and role; making and revoking them.
 */

import { creator } from "../creating.js";
import { h, replace } from "../dom.js";
import { admin, path, tellSignedOut } from "../doors.js";
import { moment } from "../format.js";
import { actionButton, badge, card, confirmed, dialog, field, fill, form, selectOf, table } from "../parts.js";
import { showAdminToken } from "../keys/secret_dialog.js";
import { session } from "../session.js";

const ROLES = { viewer: "Viewer: looks, and changes nothing", owner: "Owner: may change everything" };
/** The token of the settings, which is in no list. */
const BOOTSTRAP = { id: null, name: "bootstrap", role: "owner", public_id: null, created_at: null };

export const title = "Access";

export async function show({ root, signal }) {
  const place = h("div");
  const redraw = () =>
    fill(
      place,
      () => admin("/tokens", { signal }),
      (found) => draw(found, changed),
      "Loading the tokens",
    );
  const changed = async () => {
    await redraw();
    heading.focus();
  };
  const create = actionButton("Create token", async () => (await createToken()) && redraw(), { class: "primary" });
  const words =
    "An admin token opens this console, the command line and the admin API. Each person should have their own.";
  const tokens = card("Admin tokens", { beside: session.mayChange && create }, h("p", { class: "soft" }, words), place);
  const heading = tokens.querySelector("h2");
  heading.tabIndex = -1;
  replace(root, tokens);
  await redraw();
}

function draw(tokens, changed) {
  const columns = [
    {
      title: "Name",
      cell: (token) => [
        h("span", { class: "row" }, token.name, token.name === session.who.name && badge("you", "info")),
        token.public_id && h("code", { class: "under" }, token.public_id),
      ],
    },
    { title: "Role", cell: (token) => token.role },
    { title: "Created", cell: (token) => (token.created_at ? moment(token.created_at) : "With the gateway") },
  ];
  if (session.mayChange)
    columns.push({ title: "Actions", cell: (token) => (token.id ? revokeButton(token, changed) : fromSettings()) });
  return table("The one of the settings first, then the oldest", columns, [BOOTSTRAP, ...tokens], { class: "tokens" });
}

function fromSettings() {
  return h("span", { class: "soft" }, "Changed by ", h("code", {}, "IMAGEGATE_ADMIN_TOKEN"), " only");
}

function revokeButton(token, changed) {
  return actionButton(
    ["Revoke", h("span", { class: "visually-hidden" }, ` ${token.name}`)],
    async () => {
      if (await revokeToken(token)) await changed();
    },
    { class: "small danger" },
  );
}

/** Whether there is something new to be shown. */
async function createToken() {
  const create = creator("/tokens");
  const made = await dialog("New admin token", (close) => {
    const name = h("input", { name: "name", required: true, maxlength: 63, autofocus: true, spellcheck: "false" });
    const role = selectOf(ROLES, { name: "role", value: "viewer" });
    const work = async () => close(await create({ name: name.value.trim(), role: role.value }));
    return form(
      { submit: "Create token", work, cancel: () => close() },
      field(
        "Name",
        name,
        "Whose it is. Letters, digits, dots, dashes and underscores; the audit log tells it with each change.",
      ),
      field("Role", role, "What its holder may do at the operator's door."),
    );
  });
  if (!made) return false;
  await showAdminToken(made);
  return true;
}

async function revokeToken(token) {
  const isOwn = token.name === session.who.name;
  const signedOut = isOwn ? " It is the one you are signed in with: you will be signed out." : "";
  const consequence = `This cannot be undone. Within five seconds no replica takes it any more.${signedOut}`;
  const isDone = await confirmed(`Revoke ${token.name}?`, consequence, "Revoke for ever", () =>
    admin(path`/tokens/${token.id}`, { method: "DELETE" }),
  );
  if (!isDone || !isOwn) return isDone;
  tellSignedOut("Your admin token is revoked.");
  return false;
}
