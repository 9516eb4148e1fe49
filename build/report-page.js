// Makes dist/report-page/ of src/report-page/: of echarts only what the page draws with, in one script without imports.
import { copyFile } from 'node:fs/promises';
import { build } from 'rolldown';

const here = new URL('../src/report-page/', import.meta.url);
const there = new URL('../dist/report-page/', import.meta.url);

/** Whose work is in the script; their licences want to be named wherever it goes. */
const LICENCES = '/*! Apache ECharts (Apache-2.0, The Apache Software Foundation), zrender (BSD-3-Clause, Baidu Inc.), tslib (0BSD, Microsoft) */';

await build({
  input: new URL('page.ts', here).pathname,
  platform: 'browser',
  output: { file: new URL('page.js', there).pathname, format: 'iife', minify: true, postBanner: LICENCES },
});
await copyFile(new URL('style.css', here), new URL('style.css', there));
