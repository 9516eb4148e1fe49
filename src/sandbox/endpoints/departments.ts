import type { Corp, Department } from '../corp.ts';
import { showDepartment } from '../editions.ts';
import { ok, refuse, type Answer } from '../envelope.ts';
import { withDescendants } from '../visibility.ts';
import type { Premises, TokenEndpoint, TokenQuestion } from './endpoint.ts';

/** P90208: without an id, everything visible. The parent of a top department may be missing in the list. */
export const departmentList: TokenEndpoint = {
  name: 'department/list',
  method: 'GET',
  auth: 'token',
  namesPeople: true,
  emptyLists: { department: [] },
  answer: (question, premises) =>
    forDepartments(question, premises, (departments) => ({
      department: departments.map((department) => showDepartment(question.corp, department, question.view)),
    })),
};

/** P95350: ids only; open to the contacts-sync secret from every address. The list has another name than in department/list. */
export const departmentSimplelist: TokenEndpoint = {
  name: 'department/simplelist',
  method: 'GET',
  auth: 'token',
  emptyLists: { department_id: [] },
  answer: (question, premises) =>
    forDepartments(question, premises, (departments) => ({
      department_id: departments.map(({ id, parentid, order }) => ({ id, parentid, order })),
    })),
};

/** P95351: `department` is an object here. */
export const departmentGet: TokenEndpoint = {
  name: 'department/get',
  method: 'GET',
  auth: 'token',
  namesPeople: true,
  answer(question, { settings }) {
    const id = idParameter(question.query, 'id');
    if (id === undefined) return refuse(41019);
    const found = findDepartment(question, id, settings.unknownDepartment);
    return found.is === 'found' ? ok({ department: showDepartment(question.corp, found.department, question.view) }) : found;
  },
};

function forDepartments(question: TokenQuestion, { settings }: Premises, show: (departments: Department[]) => Record<string, unknown>): Answer {
  const { corp, view, query } = question;
  const id = idParameter(query, 'id');
  if (id === undefined) return ok(show(unsorted(corp, view.departments)));
  const found = findDepartment(question, id, settings.unknownDepartment);
  return found.is === 'found' ? ok(show(unsorted(corp, withDescendants(corp, [id])))) : found;
}

/** In an arbitrary but constant order: children often come before their parents, because WeCom promises no order. */
function unsorted(corp: Corp, ids: ReadonlySet<number>): Department[] {
  const rank = (id: number): number => Math.imul(id, 0x9e3779b1) >>> 0;
  return [...corp.departments.values()].filter(({ id }) => ids.has(id)).sort((a, b) => rank(a.id) - rank(b.id));
}

/** The result of looking for a department: the department, or WeCom's refusal. */
type FoundDepartment = { readonly is: 'found'; readonly department: Department } | Extract<Answer, { is: 'refused' }>;

/** According to reports, an unknown department gives 60003 (or 60123) and an invisible one 60011. */
export function findDepartment({ corp, view }: TokenQuestion, id: number, unknownAs: number): FoundDepartment {
  const department = corp.departments.get(id);
  if (department === undefined) return { is: 'refused', errcode: unknownAs };
  return view.departments.has(id) ? { is: 'found', department } : { is: 'refused', errcode: 60011 };
}

/** An id from the query. A value that is not a number counts as missing, as seen for `id=null`. */
export function idParameter(query: URLSearchParams, name: string): number | undefined {
  const given = query.get(name);
  return given !== null && /^\d+$/.test(given) ? Number(given) : undefined;
}
