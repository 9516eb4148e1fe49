import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { expect, test } from 'vitest';

const [input = {}, ...others] = parse(await readFile(fileURLToPath(new URL('../../deploy/filebeat/orgsync.yml', import.meta.url)), 'utf8')) as readonly Readonly<Record<string, unknown>>[];

test('Filebeat puts the lines at the root of the document', () => {
  expect(others).toEqual([]);
  expect(input).toMatchObject({ type: 'filestream', id: 'orgsync', parsers: [{ ndjson: { target: '', overwrite_keys: true } }] });
});

test('Filebeat goes on with a file that was rotated while a run still wrote to it', () => {
  // The rotated name is none of its paths: once closed, the file is never opened again.
  expect(input['paths']).toEqual(['/var/log/orgsync/orgsync*.log']);
  expect(input['close.on_state_change.renamed'] ?? false).toBe(false);
  expect(input['close.reader.on_eof'] ?? false).toBe(false);
});
