import { defineConfig } from "vite";

/** The service that `npm run dev` passes requests for the API on to. */
const service = process.env.EVENT_HISTORY_URL ?? "http://127.0.0.1:8080";

/** Stays in the file, which products may copy. */
const NOTICE = "/*! Event History, Apache-2.0. Contains Lit, Copyright (c) 2017 Google LLC, BSD-3-Clause: see third-party.txt beside this file. */";

/** Two builds: the viewer, and with `--mode embed`, into the same folder, the elements for pages of others in one file. */
export default defineConfig(({ mode }) => {
  const embed = mode === "embed";
  return {
    // Paths relative to the page, so that it also works below a path of a proxy.
    base: "./",
    publicDir: embed ? false : "public",
    build: {
      target: "es2022",
      // The first with light-dark(), which is not to be replaced by anything else.
      cssTarget: ["chrome123", "firefox120", "safari17.5"],
      // No data: URLs, which the content security policy of the page does not allow.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      emptyOutDir: !embed,
      // Products name this file, so its name stays.
      ...(embed ? { rolldownOptions: { input: "src/embed/main.ts", output: { entryFileNames: "embed.js", postBanner: NOTICE } } } : {}),
    },
    server: { proxy: { "^/(api|event-history)/": { target: service } } },
  };
});
