// Reads or writes many values of a namespace in local state: what `wrangler kv bulk` does, but within
// workerd, where a value costs a fraction of a call from outside. Run by the tool, in the project:
// node --input-type=module --eval THIS get|put FILE STATE NAMESPACE

import { readFileSync } from "node:fs";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";

const [act, file, state, namespace] = process.argv.slice(1);
const miniflare = new Miniflare(convertV4MiniflareOptions({
  modules: true,
  resourcePersistencePath: state,
  kvNamespaces: { NAMESPACE: namespace },
  script: `export default { async fetch(request, { NAMESPACE }) {
    const list = await request.json(), values = {};
    const act = request.url.endsWith("/put") ? ({ key, value }) => NAMESPACE.put(key, value)
      : async (key) => { values[key] = { value: await NAMESPACE.get(key) }; };
    for (let at = 0; at < list.length; at += 50) await Promise.all(list.slice(at, at + 50).map(act));
    return Response.json(values);
  } }`,
}));
try {
  const response = await miniflare.dispatchFetch(`http://state/${act}`, { method: "POST", body: readFileSync(file) });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  process.stdout.write(text);
} finally {
  await miniflare.dispose();
}
