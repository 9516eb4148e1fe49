// Builds dist/report-page/ from src/report-page/: one script without imports, with the used parts of echarts.
import { copyFile } from 'node:fs/promises';
import { build } from 'rolldown';

const here = new URL('../src/report-page/', import.meta.url);
const there = new URL('../dist/report-page/', import.meta.url);

/** The licences of the libraries in the script. They require this notice. */
const LICENCES = '/*! Apache ECharts (Apache-2.0, The Apache Software Foundation), zrender (BSD-3-Clause, Baidu Inc.), tslib (0BSD, Microsoft) */';

await build({
  input: new URL('page.ts', here).pathname,
  platform: 'browser',
  output: { file: new URL('page.js', there).pathname, format: 'iife', minify: true, postBanner: LICENCES },
});
await copyFile(new URL('style.css', here), new URL('style.css', there));
