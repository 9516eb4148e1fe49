// The direction of imports, as docs/architecture.md draws it: commands → core → ports, adapters beside each other.
const only = (name, from, ...allowed) => ({
  name,
  severity: 'error',
  from: { path: from },
  to: { path: '^src/', pathNot: allowed },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: '^src/(cli|errors)' }, to: {} },
    only('core-is-pure', '^src/core/', '^src/core/', '^src/errors'),
    { name: 'core-no-io', severity: 'error', from: { path: '^src/core/' }, to: { dependencyTypes: ['core'] } },
    only('use-cases-see-ports-only', '^src/sync/', '^src/sync/', '^src/core/', '^src/errors'),
    only('siblings-never-meet', '^src/(config|wecom|store|redis|observe|sandbox)/', '^src/$1/', '^src/core/', '^src/(errors|http-request)'),
    {
      name: 'sandbox-stands-alone',
      severity: 'error',
      from: { path: '^src/sandbox/' },
      to: { path: '^src/', pathNot: '^src/sandbox/' },
    },
    {
      name: 'one-place-composes',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(app|wecom|redis|observe|store/)' },
      to: { path: '^src/(wecom|redis|observe|store/(mysql|sqlite|lease))' },
    },
    {
      name: 'stores-never-meet',
      severity: 'error',
      from: { path: '^src/store/(mysql|sqlite)' },
      to: { path: '^src/store/(mysql|sqlite)', pathNot: '^src/store/$1' },
    },
    {
      name: 'commands-never-call-each-other',
      severity: 'error',
      from: { path: '^src/commands/([a-z]+)' },
      to: { path: '^src/commands/', pathNot: '^src/commands/($1|context)' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
