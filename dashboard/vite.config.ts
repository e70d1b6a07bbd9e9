import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { mantineStyles } from "./mantine_styles.ts";

export default defineConfig({
  base: "/dashboard/",
  plugins: [react(), mantineStyles(import.meta.dirname)],
  html: {
    // Replaced in each answer by admin/dashboard.py; styles that are made while the page runs carry it too.
    cspNonce: "__NONCE__",
  },
  build: {
    outDir: "../src/tollway/dashboard/dist",
    emptyOutDir: true,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 700,
    target: "es2022",
    // A data: URL would be one more thing for the policy to allow.
    assetsInlineLimit: 0,
    // What pages load, and what of it comes with them: scripts/build_dashboard.py adds it up.
    manifest: "manifest.json",
  },
  server: {
    proxy: { "/api": "http://127.0.0.1:8787" },
  },
});
