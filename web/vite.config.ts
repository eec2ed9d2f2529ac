import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";
import { licence, writeTypeface } from "./typeface.ts";

const out = resolve(import.meta.dirname, "../src/opengrant/pages/built");

/** Compresses each file at build time, because the server does not compress. */
function compressed(): Plugin {
    return {
        name: "compressed",
        apply: "build",
        closeBundle() {
            for (const name of readdirSync(out).filter((one) => !/[.]woff2$|^licences[.]txt$/.test(one))) {
                const content = readFileSync(join(out, name));
                const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
                writeFileSync(join(out, `${name}.br`), brotliCompressSync(content, quality));
                writeFileSync(join(out, `${name}.gz`), gzipSync(content, { level: 9 }));
            }
        },
    };
}

/** The typeface, before anything names its files, and its licence beside them. */
function typeface(): Plugin {
    return {
        name: "typeface",
        apply: "build",
        config: writeTypeface,
        generateBundle() {
            this.emitFile({ type: "asset", name: "geist-licence.txt", source: licence() });
        },
    };
}

export default defineConfig({
    base: "/static/",
    plugins: [typeface(), compressed()],
    build: {
        outDir: out,
        emptyOutDir: true,
        target: "es2022",
        cssTarget: ["chrome123", "firefox120", "safari17.5"], // the first with light-dark()
        assetsDir: "",
        // An inlined file is a data: URL, which the CSP refuses.
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
        // The licences of what is bundled ask to be passed on with it.
        license: { fileName: "licences.txt" },
        chunkSizeWarningLimit: 600, // kilobytes: the editor, which is loaded on demand
        rollupOptions: {
            input: ["reference.html", "console.html"].map((page) => resolve(import.meta.dirname, page)),
            output: {
                entryFileNames: "[name].[hash].js",
                chunkFileNames: "[name].[hash].js",
                assetFileNames: "[name].[hash][extname]",
            },
        },
    },
});
