import { createHash } from 'node:crypto';
import type { ReportData } from '../../core/report.ts';
import { plain } from '../../terminal/terminal.ts';

/** The parts of the page that are built together with orgsync (see src/report-page/). */
export interface PageParts {
  readonly script: string;
  readonly style: string;
}

/**
 * Creates the report as one self-contained HTML document. Its policy forbids the network and all scripts except ours, so code
 * in a name is neither run nor sent anywhere.
 */
export function reportHtml(data: ReportData, { script, style }: PageParts): string {
  const inlined = script.replace(/<(?=\/script|!--)/giu, '\\x3c');
  const hash = createHash('sha256').update(inlined).digest('base64');
  const policy = `default-src 'none'; script-src 'sha256-${hash}'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>orgsync</title>
<style>${style}</style>
<script type="application/json" id="data">${embedded(data)}</script>
</head>
<body>
<noscript>This page draws itself with its own script. 此页面需要启用 JavaScript。</noscript>
<script>${inlined}</script>
</body>
</html>
`;
}

/**
 * Creates JSON for the page: control and bidi characters in texts are made visible, and `<` is escaped, so that no text can
 * end the script element.
 */
function embedded(data: ReportData): string {
  return JSON.stringify(data, (_key, value: unknown) => (typeof value === 'string' ? plain(value) : value)).replaceAll('<', '\\u003c');
}
