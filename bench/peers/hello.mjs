// The floor: what the runtime takes for a request of which nothing is done.

export default {
  fetch: () => new Response("Hello, World!"),
};
