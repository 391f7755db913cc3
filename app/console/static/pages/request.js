/**
 * One request opened: what became of it, its stages, its money, its pictures. For operators and for whoever sent it.
 */

import { h, replace, tell } from "../dom.js";
import { giveCredit } from "../ledger/credit.js";
import { link, report } from "../parts.js";
import { changesCard } from "../request/changes.js";
import { operatorSource, ownSource } from "../request/document.js";
import { errorCard, factsCard } from "../request/facts.js";
import { moneyCard } from "../request/money.js";
import { picturesCard } from "../request/pictures.js";
import { stagesCard } from "../request/stages.js";
import { session } from "../session.js";

export const title = "Request";

export async function show({ root, params, signal }) {
  const source = params.team ? operatorSource(params.team, params.request) : ownSource(params.request);
  const draw = (shown) => replace(root, back(params), ...cards(shown, source, signal, again));
  const again = async () => draw(await source.ask(signal));
  const shown = await source.ask(signal);
  draw(shown);
  if (!shown.hasEnded) follow(shown, source, signal, draw);
}

function back({ team }) {
  return h(
    "p",
    { class: "back" },
    team ? link(`/ledger?team=${encodeURIComponent(team)}`, "← Ledger") : link("/mine", "← My usage"),
  );
}

function cards(shown, source, signal, again) {
  return [
    factsCard(shown, creditButton(shown, again)),
    errorCard(shown),
    picturesCard(shown, source, signal),
    moneyCard(shown),
    changesCard(shown),
    stagesCard(shown),
  ].filter(Boolean);
}

function creditButton({ id, team, cost, hasEnded }, again) {
  if (!session.mayChange || !hasEnded || !(Number(cost) > 0)) return null;
  const give = async () => {
    if (await giveCredit({ team, request: id, most: cost })) await again();
  };
  return h("button", { type: "button", on: { click: () => give().catch(report) } }, "Give credit …");
}

/** Asks until the request has ended; what cannot be asked now is asked again. */
async function follow(shown, source, signal, draw) {
  while (!shown.hasEnded && !signal.aborted) {
    const before = shown;
    try {
      shown = await source.next(signal);
    } catch (error) {
      if (signal.aborted || error.name === "AbortError") return;
      if (error.status >= 400 && error.status < 500 && error.status !== 429) return report(error);
      continue; // it waits before it asks again
    }
    if (shown.state === before.state) continue;
    draw(shown);
    tell(`The request is ${shown.state.replaceAll("_", " ")} now.`);
  }
}
