import { defineConfig } from "vite";

export default defineConfig({
  // The server has it below /react/.
  base: "./",
  oxc: { jsx: { runtime: "automatic" } },
});
