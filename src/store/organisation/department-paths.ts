import type { DepartmentPath } from '../../core/ports/looking-up.ts';
import type { Connection } from '../engine/database.ts';
import { marks, pieces, ROWS_PER_STATEMENT } from '../engine/statements.ts';
import { neededNumber, textOf } from '../engine/values.ts';

/** Departments by id, each with its parent's id. */
export type Tree = ReadonlyMap<number, { readonly parentId: number; readonly name: string }>;

/** Reads departments and their ancestors, one level per query, so that the whole corp need not be read. */
export async function readTree(connection: Connection, corpId: string, ids: Iterable<number>): Promise<Tree> {
  const tree = new Map<number, { parentId: number; name: string }>();
  const asked = new Set<number>();
  for (let level = new Set(ids); level.size > 0; ) {
    const above = new Set<number>();
    for (const piece of pieces([...level], ROWS_PER_STATEMENT)) {
      const rows = await connection.query(
        `SELECT id, parent_id, ${connection.dialect.exactText('name')} FROM departments WHERE corp_id = ? AND id IN (${marks(piece.length)})`,
        [corpId, ...piece],
      );
      for (const id of piece) asked.add(id);
      for (const row of rows) {
        const id = neededNumber(row, 'id');
        const parentId = neededNumber(row, 'parent_id');
        tree.set(id, { parentId, name: textOf(row, 'name') ?? String(id) });
        if (parentId !== 0) above.add(parentId);
      }
    }
    level = new Set([...above].filter((id) => !asked.has(id)));
  }
  return tree;
}

/** Returns the departments with these ids, in that order, with their paths. */
export async function readPaths(connection: Connection, corpId: string, ids: readonly number[]): Promise<readonly DepartmentPath[]> {
  const tree = await readTree(connection, corpId, ids);
  return ids.map((id) => pathTo(id, tree));
}

/** Returns the path to a department, from the highest known ancestor. A circle in the tree ends the path. */
export function pathTo(id: number, tree: Tree): DepartmentPath {
  const path: string[] = [];
  const walked = new Set<number>();
  for (let at = id; !walked.has(at); ) {
    const department = tree.get(at);
    if (department === undefined) break;
    walked.add(at);
    path.unshift(department.name);
    at = department.parentId;
  }
  // A department that WeCom never showed has no name, so its number is shown.
  return { id, name: path.at(-1) ?? String(id), path: path.length > 0 ? path : [String(id)] };
}
