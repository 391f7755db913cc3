// Play every case with the SDK installed beside this file: a plan comes in as JSON, a line of JSON per case goes out.

import * as editing from "./editing.mjs";
import * as generating from "./generating.mjs";
import * as listing from "./listing.mjs";
import * as refusals from "./refusals.mjs";
import * as retrying from "./retrying.mjs";
import * as streaming from "./streaming.mjs";
import { Scene } from "./scene.mjs";

const scene = new Scene(JSON.parse(process.argv[2]));

// Every exported function of these files is a case.
for (const file of [generating, streaming, editing, listing, refusals, retrying]) {
  for (const [name, play] of Object.entries(file)) {
    await scene.begin();
    const told = await play(scene).then(
      () => ({ ok: true }),
      (error) => ({ ok: false, detail: error.stack }),
    );
    process.stdout.write(`${JSON.stringify({ case: name, ...told })}\n`);
  }
}
