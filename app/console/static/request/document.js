/**
 * One request as the page shows it, whichever door told of it.
 */

import { admin, fetchAdmin, fetchOwn, own, path } from "../doors.js";
import { hasEnded } from "../has_ended.js";

const MOST_WAITED_SECONDS = 20;
const AGAIN_MS = 2000;

/**
 * A request and where more of it is to be had.
 *
 * @typedef {{ask: (signal: AbortSignal) => Promise<Shown>, next: (signal: AbortSignal) => Promise<Shown>,
 *   answer: (signal: AbortSignal) => Promise<Response>, forOperator: boolean}} Source `next` waits for a change.
 * @typedef {{id: string, team: string|null, state: string, model: string, operation: string|null, key: string|null,
 *   user: string|null, admittedAt: string|number, resolvedAt: string|number|null, seconds: number|null, quote: string,
 *   cost: string|null, images: number, stages: Object<string, number>, normalized: string[],
 *   firstByteSeconds: number|null, upstreamId: string|null, error: Object|null, keptUntil: string|number|null,
 *   hasRecord: boolean, hasEnded: boolean, entries: Object[]|null}} Shown
 *   `entries` is null where the door tells none; `hasRecord` is false where only the ledger remembers it.
 */

/** As an operator reads it. */
export function operatorSource(team, id) {
  const address = path`/ledger/requests/${id}`;
  const ask = async (signal) => ofOperator(await admin(address, { query: { team }, signal }));
  return {
    ask,
    next: async (signal) => {
      await pause(AGAIN_MS, signal);
      return ask(signal);
    },
    answer: (signal) => fetchAdmin(`${address}/answer`, { query: { team }, signal }),
    forOperator: true,
  };
}

/** As the teammate reads it who sent it. */
export function ownSource(id) {
  const address = path`/images/requests/${id}`;
  const ask = async (signal, wait) => ofTeammate(await own(address, { query: { view: "state", wait }, signal }));
  return {
    ask: (signal) => ask(signal),
    next: async (signal) => {
      // The door waits with us, and answers early where it has no room for that: it is not asked without a breath.
      await pause(AGAIN_MS / 2, signal);
      return ask(signal, MOST_WAITED_SECONDS);
    },
    answer: (signal) => fetchOwn(address, { signal }),
    forOperator: false,
  };
}

function ofOperator({ id, team, cost, entries, record }) {
  const first = entries.find(({ kind }) => kind !== "correction") ?? entries[0];
  const [admittedAt, resolvedAt] = [
    record?.admitted_at ?? first.admitted_at,
    record?.resolved_at ?? first?.resolved_at ?? null,
  ];
  const state = record?.state ?? first.outcome;
  const known = record ?? first;
  return {
    id,
    team,
    state,
    model: known.model,
    operation: record?.operation ?? null,
    key: known.alias || known.key,
    user: first?.user ?? null,
    admittedAt,
    resolvedAt,
    seconds: resolvedAt ? (Date.parse(resolvedAt) - Date.parse(admittedAt)) / 1000 : null,
    quote: known.quote,
    cost: entries.length > 0 ? cost : (record?.cost ?? null),
    images: known.images,
    stages: record?.stages ?? {},
    normalized: record?.normalized ?? [],
    firstByteSeconds: record?.first_byte_seconds ?? null,
    upstreamId: record?.upstream_id ?? first?.note.upstream_id ?? null,
    error: record?.error ?? (first?.note.code ? { code: first.note.code, message: null, status: null } : null),
    keptUntil: record?.result?.kept ? record.result.expires_at : null,
    hasRecord: record !== null,
    hasEnded: hasEnded(state),
    entries,
  };
}

function ofTeammate(told) {
  return {
    id: told.id,
    team: null,
    state: told.status,
    model: told.model,
    operation: told.operation,
    key: null,
    user: null,
    admittedAt: told.created_at,
    resolvedAt: told.finished_at,
    seconds: told.seconds,
    quote: told.quote,
    cost: told.cost,
    images: told.images,
    stages: told.stages,
    normalized: told.normalized,
    firstByteSeconds: null,
    upstreamId: null,
    error: told.error,
    keptUntil: told.result?.expires_at ?? null,
    hasRecord: true,
    hasEnded: hasEnded(told.status),
    entries: null,
  };
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        reject(signal.reason);
      },
      { once: true },
    );
  });
}
