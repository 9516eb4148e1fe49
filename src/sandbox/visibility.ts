import type { Corp, Member } from './corp.ts';
import { WHOLE_CORP, type Secret } from './secrets.ts';

/** What one secret may see of its corp, at one version of the corp. */
export interface View {
  readonly secret: Secret;
  readonly departments: ReadonlySet<number>;
  /** Lower-cased userids added to the range one by one, and by tag. */
  readonly users: ReadonlySet<string>;
  readonly tagged: ReadonlySet<string>;
  sees(member: Member): boolean;
}

interface Cached {
  readonly version: number;
  readonly range: unknown;
  readonly view: View;
}

const views = new WeakMap<Secret, Cached>();

/**
 * The secret's view. A department in the range includes everything below it. Members added one by one or by tag do not
 * include their departments. The contacts-sync secret sees the whole corp (P90665).
 */
export function viewOf(corp: Corp, secret: Secret): View {
  const known = views.get(secret);
  if (known?.version === corp.version && known.range === secret.range) return known.view;
  const view = computeView(corp, secret);
  views.set(secret, { version: corp.version, range: secret.range, view });
  return view;
}

function computeView(corp: Corp, secret: Secret): View {
  const range = secret.kind === 'contacts' ? WHOLE_CORP : secret.range;
  const departments = withDescendants(corp, range.departments);
  const users = new Set(range.users.map((userid) => userid.toLowerCase()));
  const tagged = new Set(range.tags.flatMap((id) => taggedKeys(corp, id)));
  return {
    secret,
    departments,
    users,
    tagged,
    sees: ({ userid, places }) => {
      const key = userid.toLowerCase();
      return users.has(key) || tagged.has(key) || places.some(({ department }) => departments.has(department));
    },
  };
}

/** The given departments that exist, with all departments below them. */
export function withDescendants(corp: Corp, ids: readonly number[]): ReadonlySet<number> {
  const children = new Map<number, number[]>();
  for (const { id, parentid } of corp.departments.values()) {
    const siblings = children.get(parentid);
    if (siblings === undefined) children.set(parentid, [id]);
    else siblings.push(id);
  }
  const found = new Set<number>();
  const open = ids.filter((id) => corp.departments.has(id));
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue;
    found.add(id);
    open.push(...(children.get(id) ?? []));
  }
  return found;
}

function taggedKeys(corp: Corp, tagId: number): string[] {
  const tag = corp.tags.get(tagId);
  if (tag === undefined) return [];
  const inDepartments = tag.departments.flatMap((id) => [...corp.roster(id)].map(({ userid }) => userid));
  return [...tag.userids, ...inDepartments].map((userid) => userid.toLowerCase());
}
