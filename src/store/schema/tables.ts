import type { ColumnType, Dialect } from '../engine/database.ts';

/** A table: its columns, primary key and indexes. */
export interface Table {
  readonly name: string;
  readonly columns: Readonly<Record<string, Column>>;
  readonly key: readonly string[];
  readonly indexes?: Readonly<Record<string, readonly string[]>>;
}

/** A column's type; it holds NULL unless `needed`. */
interface Column {
  readonly type: ColumnType;
  readonly needed?: true;
  /** The default value. */
  readonly otherwise?: number;
}

const id = { type: 'id', needed: true } as const;
const number = { type: 'number', needed: true } as const;
const counter = { type: 'number', needed: true, otherwise: 0 } as const;
const time = { type: 'time', needed: true } as const;
const automatic = { type: 'automatic', needed: true } as const;

/** The tables of migration 0001. What is released is never edited: a later change is a later migration. */
export const FIRST_TABLES: readonly Table[] = [
  {
    name: 'corps',
    key: ['id'],
    columns: {
      id,
      name: { type: 'text' },
      // Raised when a run begins; a commit with an older one writes nothing.
      fence: counter,
      // The fence at the latest live lookup: shows a commit whether it must look for members that were written live.
      live_fence: { type: 'number' },
      last_success_at: { type: 'time' },
      last_run_id: { type: 'number' },
      writer_version: { type: 'key' },
      environment: { type: 'longText' },
      member_count: counter,
      department_count: counter,
    },
  },
  {
    name: 'departments',
    key: ['corp_id', 'id'],
    columns: {
      corp_id: id,
      id: number,
      parent_id: number,
      name: { type: 'text' },
      name_en: { type: 'text' },
      sort_order: number,
      leaders: { type: 'json' },
      created_at: time,
      updated_at: time,
      removed_at: { type: 'time' },
    },
  },
  {
    name: 'members',
    key: ['corp_id', 'userid'],
    columns: {
      corp_id: id,
      userid: id,
      name: { type: 'text' },
      alias: { type: 'text' },
      mobile: { type: 'text' },
      mobile_e164: { type: 'key' },
      // Whether `mobile` came from a `run` or was matched by a `lookup`, and when.
      mobile_source: { type: 'key' },
      mobile_seen_at: { type: 'time' },
      email: { type: 'text' },
      biz_mail: { type: 'text' },
      telephone: { type: 'text' },
      position: { type: 'text' },
      gender: { type: 'key' },
      status: { type: 'number' },
      main_department: { type: 'number' },
      direct_leaders: { type: 'json' },
      avatar: { type: 'longText' },
      address: { type: 'longText' },
      extattr: { type: 'json' },
      // Of the record that WeCom sent last; NULL when the member must be compared in full.
      digest: { type: 'digest' },
      // The corp's fence when a live lookup wrote this row: runs up to that fence do not write it.
      live_fence: { type: 'number' },
      // The department ids of a departed member.
      last_departments: { type: 'json' },
      created_at: time,
      updated_at: time,
      departed_at: { type: 'time' },
    },
    indexes: { members_by_mobile: ['mobile_e164'] },
  },
  {
    name: 'memberships',
    key: ['corp_id', 'userid', 'department_id'],
    columns: {
      corp_id: id,
      userid: id,
      department_id: number,
      sort_order: { type: 'unsigned', needed: true, otherwise: 0 },
      is_leader: { type: 'flag', needed: true, otherwise: 0 },
    },
    indexes: { memberships_by_department: ['corp_id', 'department_id'] },
  },
  {
    name: 'runs',
    key: ['id'],
    columns: {
      id: automatic,
      corp_id: id,
      started_at: time,
      finished_at: { type: 'time' },
      outcome: { type: 'key', needed: true },
      requests: counter,
      joined: counter,
      departed: counter,
      changed: counter,
      departments_changed: counter,
      host: { type: 'text' },
      pid: { type: 'number' },
      version: { type: 'key' },
      environment: { type: 'longText' },
      fence: number,
      error: { type: 'longText' },
    },
    indexes: { runs_by_corp: ['corp_id', 'id'] },
  },
  {
    name: 'changes',
    key: ['id'],
    columns: {
      id: automatic,
      run_id: { type: 'number' },
      corp_id: id,
      at: time,
      entity: { type: 'key', needed: true },
      entity_id: id,
      action: { type: 'key', needed: true },
      old_values: { type: 'json' },
      new_values: { type: 'json' },
    },
    indexes: {
      changes_by_entity: ['corp_id', 'entity', 'entity_id'],
      changes_by_time: ['at'],
    },
  },
  {
    name: 'leases',
    key: ['name'],
    columns: {
      name: { type: 'key', needed: true },
      token: { type: 'key' },
      host: { type: 'text' },
      pid: { type: 'number' },
      acquired_at: { type: 'time' },
      expires_at: { type: 'time' },
    },
  },
  {
    name: 'paces',
    key: ['scope'],
    columns: {
      // Such as `corp:ww…`: a rate limit that processes share.
      scope: { type: 'key', needed: true },
      next_at: { type: 'time' },
      // The process that took the latest slot.
      holder: { type: 'key' },
    },
  },
  {
    name: 'ration',
    key: ['corp_id', 'day'],
    columns: {
      corp_id: id,
      // Asia/Shanghai, `YYYY-MM-DD`.
      day: { type: 'key', needed: true },
      // Questions booked or wrong.
      spent: counter,
    },
  },
  {
    // Questions that are booked and not settled yet, so that none is given back twice.
    name: 'ration_tickets',
    key: ['corp_id', 'day', 'ticket'],
    columns: {
      corp_id: id,
      day: { type: 'key', needed: true },
      ticket: { type: 'key', needed: true },
    },
  },
  {
    name: 'wrong_numbers',
    key: ['corp_id', 'mobile_e164'],
    columns: {
      corp_id: id,
      mobile_e164: { type: 'key', needed: true },
      forget_at: time,
    },
  },
  {
    // The alerts that were sent, so that only one host sends each. Closed ones stay, and can be opened again.
    name: 'alerts',
    key: ['subject', 'kind'],
    columns: {
      subject: { type: 'key', needed: true },
      kind: { type: 'key', needed: true },
      since: time,
      sent_at: time,
      closed_at: { type: 'time' },
      host: { type: 'text' },
      message: { type: 'longText' },
    },
  },
];

/** A column that a later migration adds. */
export interface AddedColumn {
  readonly table: string;
  readonly column: string;
  readonly spec: Column;
}

/** The columns of migration 0002. */
export const SECOND_COLUMNS: readonly AddedColumn[] = [
  // The fence at the latest erasure: a live lookup that asked before it writes nothing.
  { table: 'corps', column: 'erased_fence', spec: { type: 'number' } },
  // Random, so that a run recognises its own row, also on a server that lost it in a failover and gave its id to another.
  { table: 'runs', column: 'nonce', spec: { type: 'key' } },
];

/** The columns of migration 0003. */
export const THIRD_COLUMNS: readonly AddedColumn[] = [{ table: 'members', column: 'external_position', spec: { type: 'text' } }];

/** An index that a later migration adds. */
export interface AddedIndex {
  readonly table: string;
  readonly index: string;
  readonly columns: readonly string[];
}

/** The indexes of migration 0004. */
export const FOURTH_INDEXES: readonly AddedIndex[] = [
  // Each run looks for rows that are older than history.keep.
  { table: 'runs', index: 'runs_by_start', columns: ['started_at'] },
  // For `orgsync changes --action` with an action that is rare.
  { table: 'changes', index: 'changes_by_action', columns: ['action'] },
];

/** The columns of migration 0005. */
export const FIFTH_COLUMNS: readonly AddedColumn[] = [
  // Current members whose mobile a run was shown: a lookup must not count them. NULL until a commit has counted.
  { table: 'corps', column: 'mobile_count', spec: { type: 'number' } },
];

/** CREATE TABLE and CREATE INDEX for one engine; a table that is there already stays as it is. */
export function createTable(dialect: Dialect, { name, columns, key, indexes = {} }: Table): readonly string[] {
  const lines = Object.entries(columns).map(([column, spec]) => `  ${column} ${columnType(dialect, spec)}`);
  const [first] = key;
  // An automatic number is its own primary key: SQLite requires PRIMARY KEY next to its type.
  if (columns[first ?? '']?.type !== 'automatic') lines.push(`  PRIMARY KEY (${key.join(', ')})`);
  const inside = Object.entries(indexes).map(([index, of]) => dialect.indexInTable(index, of));
  lines.push(...inside.filter((line) => line !== undefined).map((line) => `  ${line}`));
  const table = `CREATE TABLE IF NOT EXISTS ${name} (\n${lines.join(',\n')}\n)${dialect.tableSuffix}`;
  return inside.includes(undefined) ? [table, ...Object.entries(indexes).map(([index, of]) => dialect.createIndex(index, name, of))] : [table];
}

/** ALTER TABLE for a column more. */
export function addColumn(dialect: Dialect, { table, column, spec }: AddedColumn): string {
  return `ALTER TABLE ${table} ADD COLUMN ${column} ${columnType(dialect, spec)}`;
}

function columnType(dialect: Dialect, { type, needed, otherwise }: Column): string {
  const parts = [dialect.types[type]];
  if (needed === true && type !== 'automatic') parts.push('NOT NULL');
  if (otherwise !== undefined) parts.push(`DEFAULT ${otherwise}`);
  return parts.join(' ');
}
