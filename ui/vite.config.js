import { defineConfig } from "vite";

/** The service that `npm run dev` passes requests for the API on to. */
const service = process.env.EVENT_HISTORY_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  // Paths relative to the page, so that it also works below a path of a proxy.
  base: "./",
  build: {
    target: "es2022",
    // No data: URLs, which the content security policy of the page does not allow.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { "^/(api|event-history)/": { target: service } } },
});
