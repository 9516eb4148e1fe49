/** One of `of` parts of the corps, of about equal size; `index` starts at 1. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

/** Whether a corp belongs to a shard. Depends only on the corp's id, so adding a corp does not move others. */
export function inShard(corpId: string, { index, of }: Shard): boolean {
  return fnv1a(corpId.toLowerCase()) % of === index - 1;
}

/** The 32-bit FNV-1a hash (http://www.isthe.com/chongo/tech/comp/fnv/): short, spreads well, the same everywhere. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}
