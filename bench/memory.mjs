// Stands before the worker's own module and tells how large the memory of its wasm is: GET /memory.

let memory;
const { Instance } = WebAssembly;
WebAssembly.Instance = function (module, imports) {
  const instance = new Instance(module, imports);
  memory ??= instance.exports.memory;
  return instance;
};

const { default: Own, GrantStore } = await import("./index.js");
export { GrantStore };
export default class extends Own {
  fetch(request) {
    return request.url.endsWith("/memory") ? new Response(memory.buffer.byteLength) : super.fetch(request);
  }
}
