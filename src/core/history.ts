import { sameJson } from './json.ts';
import type { ChangedValues, Corp, DepartmentAction, Json, MemberAction } from './model.ts';

/** One row of `changes`, with the names that people know. */
export interface ChangeRecord {
  readonly id: number;
  /** null when a live lookup wrote it. */
  readonly runId: number | null;
  readonly corp: Corp;
  readonly at: Date;
  readonly entity: 'member' | 'department';
  /** A userid, or a department's id. */
  readonly entityId: string;
  /** What it is called now, or was last; null where that was never known. */
  readonly name: string | null;
  readonly action: MemberAction | DepartmentAction;
  /** Under the names of `MemberFields` and `Department`; null for somebody or something new. */
  readonly oldValues: ChangedValues | null;
  readonly newValues: ChangedValues | null;
}

/** Somebody in a corp. */
export interface Person {
  readonly corpId: string;
  readonly userid: string;
}

/** Which changes are wanted; what is left out does not limit. */
export interface ChangeFilter {
  readonly since?: Date;
  readonly corpIds?: readonly string[];
  /** Only what happened to these. */
  readonly people?: readonly Person[];
  /** Only what happened to this department, and who joined or left it. */
  readonly departmentId?: number;
  readonly actions?: readonly ChangeRecord['action'][];
  /** How many at most, the newest. */
  readonly limit: number;
}

/** Changes, oldest first. */
export interface Changes {
  readonly records: readonly ChangeRecord[];
  /** Older ones were left out because of the limit. */
  readonly more: boolean;
  /** The departments' names now, or last, by corp id and department id. */
  readonly departmentNames: ReadonlyMap<string, ReadonlyMap<number, string>>;
}

/** A present department, and how many are in it directly. */
export interface DepartmentSize {
  readonly id: number;
  readonly parentId: number;
  readonly name: string | null;
  readonly sortOrder: number;
  readonly members: number;
}

/** What was erased: rows by table. */
export interface Erased {
  readonly members: number;
  readonly memberships: number;
  readonly changes: number;
  /** Others' rows and changes that named this person as a leader, and now say `(erased)`. */
  readonly mentions: number;
}

/** What the store remembers of the past. Throws OrgsyncError only, as `Store` does. */
export interface History {
  /** The changes that `filter` lets through, read at one moment. */
  changes(filter: ChangeFilter): Promise<Changes>;
  /** Userids that ever had one of these spellings, whatever their case, in the corps of `corpIds` or in all. */
  findPeople(userid: string, corpIds?: readonly string[]): Promise<readonly Person[]>;
  /** The present departments of a corp, by id. */
  departments(corpId: string): Promise<readonly DepartmentSize[]>;
  /**
   * Deletes changes and ended runs older than `before`, at most `steps` times a few hundred, each step a transaction of
   * its own, so that nobody waits. The run that a corp's row names is kept. Returns how many; fewer than there are when the steps ran out.
   */
  prune(before: Date, steps: number): Promise<{ readonly changes: number; readonly runs: number }>;
  /**
   * Erases a person: the row, the memberships, every change, the mentions as a leader in others' rows and changes, and
   * their number where the store remembers it as wrong. All of it or nothing; excludes commits of the corp meanwhile. Repeated, it does nothing.
   */
  erase(person: Person): Promise<Erased>;
}

/** What a department is called: its name, or its number where the name is not known. */
export type NameDepartment = (id: number) => string;

/** What {@link Changes.departmentNames} says about one corp's departments. */
export function departmentNamer(names: Changes['departmentNames'], corpId: string): NameDepartment {
  const known = names.get(corpId.toLowerCase());
  return (id) => known?.get(id) ?? `department ${id}`;
}

/** What happened, as a clause after the name of whom it happened to: `moved 研发 → 市场`. Text of WeCom's is in it as it came. */
export function describeChange(change: ChangeRecord, name: NameDepartment): string {
  const clauses = change.entity === 'member' ? memberClauses(change, name) : departmentClauses(change, name);
  return clauses.join('; ');
}

/** Whether a change concerns a department: its own, or somebody's who came to or left it. */
export function concernsDepartment({ entity, entityId, oldValues, newValues }: ChangeRecord, id: number): boolean {
  if (entity === 'department') return entityId === String(id);
  const memberships = [oldValues, newValues].map((values) => membershipsOf(values).find(({ departmentId }) => departmentId === id));
  return !sameJson(asJson(memberships[0]), asJson(memberships[1]));
}

function memberClauses({ action, oldValues, newValues }: ChangeRecord, name: NameDepartment): readonly string[] {
  const before = departmentsOf(oldValues, name);
  const after = departmentsOf(newValues, name);
  if (action === 'joined') return [after === '' ? 'joined' : `joined ${after}`];
  if (action === 'departed') return [before === '' ? 'left' : `left ${before}`];
  const changes = fieldClauses(oldValues ?? {}, newValues ?? {}, name);
  if (action !== 'returned') return [...membershipClauses(oldValues, newValues, name), ...changes];
  return [after === '' ? 'came back' : `came back to ${after}`, ...changes];
}

interface KnownMembership {
  readonly departmentId: number;
  readonly sortOrder: number;
  readonly isLeader: boolean;
}

function membershipsOf(values: ChangedValues | null): readonly KnownMembership[] {
  const list = values?.['memberships'];
  if (!isList(list)) return [];
  return list.flatMap((item) => {
    if (!isRecord(item)) return [];
    return [{ departmentId: Number(item['departmentId']), sortOrder: Number(item['sortOrder'] ?? 0), isLeader: item['isLeader'] === true }];
  });
}

function departmentsOf(values: ChangedValues | null, name: NameDepartment): string {
  return membershipsOf(values).map(({ departmentId }) => name(departmentId)).join(', ');
}

function membershipClauses(oldValues: ChangedValues | null, newValues: ChangedValues | null, name: NameDepartment): readonly string[] {
  const before = new Map(membershipsOf(oldValues).map((membership) => [membership.departmentId, membership]));
  const after = new Map(membershipsOf(newValues).map((membership) => [membership.departmentId, membership]));
  const left = [...before.keys()].filter((id) => !after.has(id)).map(name).join(', ');
  const entered = [...after.keys()].filter((id) => !before.has(id)).map(name).join(', ');
  const clauses: string[] = [];
  if (left !== '' && entered !== '') clauses.push(`moved ${left} → ${entered}`);
  else if (entered !== '') clauses.push(`added to ${entered}`);
  else if (left !== '') clauses.push(`taken out of ${left}`);
  for (const [id, { isLeader, sortOrder }] of after) {
    const was = before.get(id);
    if (isLeader && was?.isLeader !== true) clauses.push(`made leader of ${name(id)}`);
    else if (!isLeader && was?.isLeader === true) clauses.push(`no longer leader of ${name(id)}`);
    else if (was !== undefined && was.sortOrder !== sortOrder) clauses.push(`reordered in ${name(id)}`);
  }
  return clauses;
}

const FIELD_WORDS: Readonly<Record<string, string>> = {
  bizMail: 'business mail',
  mainDepartment: 'main department',
  directLeaders: 'direct leaders',
  nameEn: 'English name',
};

/** Values too long, or too odd, to be read. */
const UNREADABLE: Readonly<Record<string, string>> = { avatar: 'new avatar', extattr: 'other attributes changed' };

const STATUS_WORDS: Readonly<Record<string, string>> = { 1: 'activated', 2: 'disabled', 4: 'no longer activated', 5: 'left the enterprise' };
const GENDER_WORDS: Readonly<Record<string, string>> = { '0': 'not set', '1': 'male', '2': 'female' };

function fieldClauses(oldValues: ChangedValues, newValues: ChangedValues, name: NameDepartment): readonly string[] {
  const fields = Object.keys(newValues).filter((field) => field !== 'memberships' && !(field === 'mainDepartment' && moveTellsIt(oldValues, newValues)));
  return fields.map((field) => {
    const [before, after] = [oldValues[field] ?? null, newValues[field] ?? null];
    if (field === 'status') return STATUS_WORDS[inWords(field, after, name)] ?? `status ${inWords(field, after, name)}`;
    return UNREADABLE[field] ?? replaced(field, inWords(field, before, name), inWords(field, after, name));
  });
}

/** Whoever moves from one department to another changes the main department with it: nobody wants to read that twice. */
function moveTellsIt(oldValues: ChangedValues, newValues: ChangedValues): boolean {
  const [before, after] = [oldValues, newValues].map((values) => membershipsOf(values).map(({ departmentId }) => departmentId));
  const within = (ids: readonly number[] | undefined, id: Json | undefined): boolean => ids?.length === 1 && ids[0] === id;
  return within(before, oldValues['mainDepartment']) && within(after, newValues['mainDepartment']);
}

function replaced(field: string, before: string, after: string): string {
  const word = FIELD_WORDS[field] ?? field;
  if (field === 'name') return before === '' ? `named ${after}` : `renamed ${before} → ${after}`;
  if (before === '') return `${word} set to ${after}`;
  return after === '' ? `${word} ${before} removed` : `${word} ${before} → ${after}`;
}

function inWords(field: string, value: Json, name: NameDepartment): string {
  if (value === null || value === '' || (field === 'mainDepartment' && value === 0)) return '';
  if (field === 'mainDepartment') return name(Number(value));
  if (isList(value)) return value.map((item) => (isScalar(item) ? String(item) : JSON.stringify(item))).join(', ');
  const text = isScalar(value) ? String(value) : JSON.stringify(value);
  return field === 'gender' ? (GENDER_WORDS[text] ?? text) : text;
}

function departmentClauses({ action, oldValues, newValues }: ChangeRecord, name: NameDepartment): readonly string[] {
  const parent = Number(newValues?.['parentId'] ?? 0);
  if (action === 'created') return [parent === 0 ? 'created' : `created under ${name(parent)}`];
  if (action === 'removed') return ['removed'];
  const clauses = Object.keys(newValues ?? {}).map((field) => {
    const [before, after] = [oldValues?.[field] ?? null, newValues?.[field] ?? null];
    if (field === 'parentId') return `moved from under ${name(Number(before))} to under ${name(Number(after))}`;
    if (field === 'sortOrder') return 'reordered';
    return replaced(field, inWords(field, before, name), inWords(field, after, name));
  });
  return action === 'restored' ? ['restored', ...clauses] : clauses;
}

function asJson(membership: KnownMembership | undefined): Json {
  return membership === undefined ? null : { isLeader: membership.isLeader };
}

function isScalar(value: Json): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function isRecord(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !isList(value);
}
