// Modules that stand before the worker's own, for what a test cannot wait for or cannot cause.

/**
 * A beginning of such a module: `setClock(seconds)` sets what the isolate takes for the time, which stands
 * until `setClock(null)`; `startClock(seconds)` sets it and lets it run, for what measures how long it waits.
 */
export const CLOCK = `
  const RealDate = Date;
  let clock = null;
  let ahead = 0;
  const setClock = (seconds) => { clock = seconds; };
  const startClock = (seconds) => { ahead = Number(seconds) * 1000 - RealDate.now(); };
  globalThis.Date = class extends RealDate {
    constructor(...args) {
      if (args.length === 0) super(Date.now());
      else super(...args);
    }
    static now() {
      return clock === null ? RealDate.now() + ahead : Number(clock) * 1000;
    }
  };
`;

/**
 * A module before the worker's own. What the header `fault` says happens to calls of a family:
 * `before` throws in place of the call, `after` lets it happen and loses the answer, `retryable` and
 * `overloaded` throw once as the runtime does, `hang` never answers, `died` ends the object when it has
 * stored what happened and before it answers. `binding` breaks the binding itself. The header `peek` tells what the object of that name stores; `abort` ends
 * that object at once, with all that it is doing, as the platform may at any moment. The header
 * `brake` says what reads of not-before moments do: `throw`, `reject`, `hang` or give `garbage`. There
 * is a [`CLOCK`] too.
 */
export const FAULTS = `${CLOCK}
  import worker, { GrantStore as Store } from "./index.js";
  let dies = false;
  export class GrantStore extends Store {
    constructor(ctx, env) {
      super(ctx, env);
      this.context = ctx;
    }
    async fetch(request) {
      const { storage } = this.context;
      switch (new URL(request.url).pathname) {
        case "/peek": return Response.json({
          names: [...(await storage.list()).keys()], alarm: await storage.getAlarm(),
        });
        case "/abort": return this.context.abort("ended by the test");
      }
      const answer = await super.fetch(request);
      if (!dies) return answer;
      await storage.sync();
      return this.context.abort("ended by the test");
    }
  }
  const brakes = {
    throw: () => { throw new Error("KV GET failed: 500 Internal Server Error"); },
    reject: async () => { throw new Error("KV GET failed: 503 Service Unavailable"); },
    hang: () => new Promise(() => {}),
    garbage: async () => "<html>",
  };
  const oops = (properties) => Object.assign(new Error("object reset"), properties);
  export default class extends worker {
    constructor(ctx, env) {
      let fault;
      let calls = 0;
      const object = (name) => ({
        fetch: async (request) => {
          calls += 1;
          dies = fault === "died";
          if (fault === "hang") return new Promise(() => {});
          if (fault === "before") throw oops({});
          if (fault === "overloaded" && calls === 1) throw oops({ retryable: true, overloaded: true });
          if (fault === "retryable" && calls === 1) throw oops({ retryable: true });
          const answer = await env.GRANTS.getByName(name).fetch(request);
          if (fault === "after") throw oops({});
          if (fault === "garbage") return new Response("<html>");
          if (fault === "status") return new Response("no", { status: 500 });
          return answer;
        },
      });
      const idFromName = (name) => env.GRANTS.idFromName(name);
      const grants = { constructor: { name: "DurableObjectNamespace" }, idFromName, getByName: object };
      let brake;
      const kv = env.CLIENTS;
      const bindings = { ...env, CLIENTS: {
        get: (key, options) => brake && key.startsWith("not-before/") ? brakes[brake]() : kv.get(key, options),
        put: (...args) => kv.put(...args),
      } };
      Object.defineProperty(bindings, "GRANTS", { enumerable: true, get: () => {
        if (fault === "binding") throw new Error("no binding");
        return grants;
      } });
      super(ctx, bindings);
      this.setFault = (name) => { fault = name; calls = 0; };
      this.setBrake = (name) => { brake = name; };
      this.call = (name, path) => env.GRANTS.getByName(name).fetch("https://test" + path);
    }
    fetch(request) {
      const { headers } = request;
      setClock(headers.get("clock"));
      if (headers.has("peek")) return this.call(headers.get("peek"), "/peek");
      if (headers.has("abort")) {
        return this.call(headers.get("abort"), "/abort").catch(({ message }) => new Response(message));
      }
      this.setFault(headers.get("fault"));
      this.setBrake(headers.get("brake"));
      return super.fetch(request);
    }
  };
`;
