import { changeClauses } from './clauses.ts';
import type { ChangeFacts, Clause } from './clauses.ts';
import type { NameDepartment, NamedDepartment } from '../ports/history.ts';

/** The words of one language for changes. Departments are given as text, several joined into one; empty when none is known. */
export interface ChangeWords {
  /** A department whose name is not known. */
  readonly department: (id: number) => string;
  readonly betweenDepartments: string;
  readonly betweenClauses: string;
  readonly joined: (departments: string) => string;
  readonly departed: (departments: string) => string;
  readonly returned: (departments: string) => string;
  readonly entered: (departments: string) => string;
  readonly exited: (departments: string) => string;
  readonly moved: (from: string, to: string) => string;
  readonly promoted: (department: string) => string;
  readonly demoted: (department: string) => string;
  readonly reorderedIn: (department: string) => string;
  readonly created: (under: string) => string;
  readonly movedUnder: (from: string, to: string) => string;
  readonly removed: string;
  readonly restored: string;
  readonly reordered: string;
  readonly renamed: (before: string, after: string) => string;
  readonly set: (field: string, after: string) => string;
  readonly cleared: (field: string, before: string) => string;
  readonly replaced: (field: string, before: string, after: string) => string;
  /** Display names of fields; a field that is missing here is shown by its own name. */
  readonly fields: Readonly<Record<string, string>>;
  /** Words for fields whose values are not shown because nobody could read them. */
  readonly unreadable: Readonly<Record<string, string>>;
  readonly gender: Readonly<Record<string, string>>;
  /** Words for each new status of a member. */
  readonly status: Readonly<Record<string, string>>;
}

/** The words of `orgsync changes`. */
export const ENGLISH: ChangeWords = {
  department: (id) => `department ${id}`,
  betweenDepartments: ', ',
  betweenClauses: '; ',
  joined: (departments) => (departments === '' ? 'joined' : `joined ${departments}`),
  departed: (departments) => (departments === '' ? 'left' : `left ${departments}`),
  returned: (departments) => (departments === '' ? 'came back' : `came back to ${departments}`),
  entered: (departments) => `added to ${departments}`,
  exited: (departments) => `taken out of ${departments}`,
  moved: (from, to) => `moved ${from} → ${to}`,
  promoted: (department) => `made leader of ${department}`,
  demoted: (department) => `no longer leader of ${department}`,
  reorderedIn: (department) => `reordered in ${department}`,
  created: (under) => (under === '' ? 'created' : `created under ${under}`),
  movedUnder: (from, to) => `moved from under ${from} to under ${to}`,
  removed: 'removed',
  restored: 'restored',
  reordered: 'reordered',
  renamed: (before, after) => (before === '' ? `named ${after}` : `renamed ${before} → ${after}`),
  set: (field, after) => `${field} set to ${after}`,
  cleared: (field, before) => `${field} ${before} removed`,
  replaced: (field, before, after) => `${field} ${before} → ${after}`,
  fields: { bizMail: 'business mail', mainDepartment: 'main department', directLeaders: 'direct leaders', externalPosition: 'external position', nameEn: 'English name' },
  unreadable: { avatar: 'new avatar', extattr: 'other attributes changed' },
  gender: { 0: 'not set', 1: 'male', 2: 'female' },
  status: { 1: 'activated', 2: 'disabled', 4: 'no longer activated', 5: 'left the enterprise' },
};

/** Describes a change in English, as a clause that follows the name of the member or department: `moved 研发 → 市场`. */
export function describeChange(change: ChangeFacts, name: NameDepartment): string {
  return describeClauses(changeClauses(change, name), ENGLISH);
}

/** Puts clauses into the words of a language. */
export function describeClauses(clauses: readonly Clause[], words: ChangeWords): string {
  return clauses.map((clause) => formatClause(clause, words)).join(words.betweenClauses);
}

function formatClause(clause: Clause, words: ChangeWords): string {
  const nameOf = (department: NamedDepartment | null): string => (department === null ? '' : (department.name ?? words.department(department.id)));
  const namesOf = (departments: readonly NamedDepartment[]): string => departments.map(nameOf).join(words.betweenDepartments);
  if ('departments' in clause) return words[clause.is](namesOf(clause.departments));
  if ('department' in clause) return words[clause.is](nameOf(clause.department));
  if (clause.is === 'moved') return words.moved(namesOf(clause.from), namesOf(clause.to));
  if (clause.is === 'movedUnder') return words.movedUnder(nameOf(clause.from), nameOf(clause.to));
  if (clause.is === 'created') return words.created(nameOf(clause.under));
  if (clause.is === 'mainDepartment') return formatReplacement('mainDepartment', [nameOf(clause.from), nameOf(clause.to)], words);
  return clause.is === 'field' ? formatField(clause, words) : words[clause.is];
}

function formatField({ field, before, after }: Clause & { readonly is: 'field' }, words: ChangeWords): string {
  if (field === 'status') return words.status[after] ?? `${words.fields[field] ?? field} ${after}`;
  const valueText = (value: string): string => (field === 'gender' ? (words.gender[value] ?? value) : value);
  return words.unreadable[field] ?? formatReplacement(field, [valueText(before), valueText(after)], words);
}

function formatReplacement(field: string, [before, after]: readonly [before: string, after: string], words: ChangeWords): string {
  if (field === 'name') return words.renamed(before, after);
  const word = words.fields[field] ?? field;
  if (before === '') return words.set(word, after);
  return after === '' ? words.cleared(word, before) : words.replaced(word, before, after);
}
