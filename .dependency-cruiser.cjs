// The direction of imports, as docs/architecture.md draws it: commands → app → sync → core ← adapters, which never know
// each other. Each room of src/ has one rule that lists all it may import; no file is without one.

/** Files in `room` import nothing of src/ but their own room and what `allowed` matches. */
const room = (name, path, ...allowed) => ({
  name,
  severity: 'error',
  from: { path },
  to: { path: '^src/', pathNot: [path, ...allowed] },
});

const CORE = '^src/core/';
const ERRORS = '^src/errors\\.ts';
const FILES = '^src/files\\.ts';
const HTTP = '^src/http\\.ts';
const VERSION = '^src/version\\.ts';

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: '^src/cli\\.ts' }, to: {} },

    room('errors-are-a-leaf', ERRORS),
    room('files-are-a-leaf', FILES),
    room('http-is-a-leaf', HTTP, ERRORS, '^src/core/percent\\.ts'),
    room('version-is-a-leaf', VERSION),
    room('core-is-pure', CORE, ERRORS),
    // node:util compares values (isDeepStrictEqual), and does nothing outside the process.
    { name: 'core-no-io', severity: 'error', from: { path: CORE }, to: { dependencyTypes: ['core', 'npm'], pathNot: 'libphonenumber-js|parse-duration|fastest-levenshtein|^util$' } },

    room('use-cases-see-ports-only', '^src/sync/', CORE, ERRORS),

    room('wecom-stands-beside', '^src/wecom/', CORE, ERRORS, HTTP),
    // directory, probe → reading → corp-client → token → request: a question goes down, an answer comes up.
    room('wecom-request-is-the-ground', '^src/wecom/request/', CORE, ERRORS, HTTP),
    room('wecom-token-asks-by-request', '^src/wecom/token/', '^src/wecom/request/', CORE, ERRORS),
    room('wecom-corp-client-asks-with-tokens', '^src/wecom/(corp-client|access)\\.ts', '^src/wecom/(token|request)/', CORE, ERRORS, HTTP),
    room('wecom-reading-asks-a-corp', '^src/wecom/reading/', '^src/wecom/(corp-client|access)\\.ts', '^src/wecom/request/', CORE, ERRORS),
    room('store-stands-beside', '^src/store/', CORE, ERRORS),
    room('redis-stands-beside', '^src/redis/', CORE, ERRORS),
    room('local-stands-beside', '^src/local/', CORE, ERRORS, FILES),
    room('observe-stands-beside', '^src/observe/', CORE, ERRORS, FILES, HTTP),
    room('config-stands-beside', '^src/config/', CORE, ERRORS),
    room('sandbox-stands-alone', '^src/sandbox/'),

    room('engine-is-below-schema-and-organisation', '^src/store/engine/', CORE, ERRORS),
    room('engines-never-meet-mysql', '^src/store/engine/mysql/', '^src/store/engine/[a-z]+\\.ts', CORE, ERRORS),
    room('engines-never-meet-sqlite', '^src/store/engine/sqlite/', '^src/store/engine/[a-z]+\\.ts', CORE, ERRORS),

    room('terminal-shows-what-core-knows', '^src/terminal/', CORE, ERRORS),
    room('report-page-runs-in-a-browser', '^src/report-page/', CORE),
    { name: 'report-page-reaches-no-node', severity: 'error', from: { path: '^src/report-page/' }, to: { reachable: true, path: '^(util|fs|path|crypto|events|node:.*)$' } },
    room('one-place-composes', '^src/app/', '^src/(sync|wecom|store|redis|local|observe|config|sandbox|terminal|core)/', ERRORS, FILES, VERSION),
    {
      name: 'commands-see-no-adapter',
      severity: 'error',
      from: { path: '^src/commands/([a-z]+)' },
      to: { path: '^src/', pathNot: ['^src/commands/($1|options)', '^src/(app|sync|core|terminal|sandbox|config)/', ERRORS, FILES, VERSION] },
    },
    room('program-lists-commands', '^src/program\\.ts', '^src/commands/', '^src/app/context\\.ts', VERSION),
    room('cli-starts-a-program', '^src/cli\\.ts', '^src/program\\.ts', '^src/(app/context|config/load|core/redact|terminal/terminal|local/clock)\\.ts', ERRORS, VERSION),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
