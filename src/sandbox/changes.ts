import { z } from 'zod';
import type { MemberPatch } from './corp.ts';
import { secretKinds, secretPatchSchema } from './secrets.ts';
import type { World } from './world.ts';

const text = z.string().exactOptional();
const placeSchema = z.strictObject({ department: z.number().int(), order: z.number().default(0), leader: z.boolean().default(false) });
const attrSchema = z.union([
  z.strictObject({ type: z.literal(0), name: z.string(), text: z.strictObject({ value: z.string() }) }),
  z.strictObject({ type: z.literal(1), name: z.string(), web: z.strictObject({ url: z.string(), title: z.string() }) }),
  z.strictObject({ name: z.string(), value: z.string() }),
]);
const memberFieldsSchema = z.strictObject({
  name: text,
  alias: text,
  position: text,
  mobile: text,
  gender: text,
  email: text,
  biz_mail: text,
  telephone: text,
  address: text,
  english_name: text,
  status: z.number().int().exactOptional(),
  direct_leader: z.array(z.string()).exactOptional(),
  main_department: z.number().int().exactOptional(),
  extattr: z.strictObject({ attrs: z.array(attrSchema) }).exactOptional(),
  external_position: text,
  external_profile: z.record(z.string(), z.unknown()).exactOptional(),
  empty_leader_array: z.boolean().exactOptional(),
});
const departmentFieldsSchema = z.strictObject({
  name: text,
  name_en: text,
  department_leader: z.array(z.string()).exactOptional(),
  parentid: z.number().int().exactOptional(),
  order: z.number().exactOptional(),
});
const corpId = z.string();
const userid = z.string();

/** One change to the world, as JSON; see {@link applyChange}. */
export const changeSchema = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('addMember'), corp: corpId, member: memberFieldsSchema.extend({ userid }), places: z.array(placeSchema) }),
  z.strictObject({ op: z.literal('updateMember'), corp: corpId, userid, fields: memberFieldsSchema, drop: z.array(z.string()).default([]) }),
  z.strictObject({ op: z.literal('moveMember'), corp: corpId, userid, places: z.array(placeSchema) }),
  z.strictObject({ op: z.literal('removeMember'), corp: corpId, userid }),
  z.strictObject({ op: z.literal('addDepartment'), corp: corpId, department: departmentFieldsSchema.extend({ id: z.number().int() }) }),
  z.strictObject({ op: z.literal('updateDepartment'), corp: corpId, id: z.number().int(), fields: departmentFieldsSchema }),
  z.strictObject({ op: z.literal('removeDepartment'), corp: corpId, id: z.number().int() }),
  z.strictObject({ op: z.literal('setSecret'), corp: corpId, kind: z.enum(secretKinds), patch: secretPatchSchema }),
  z.strictObject({ op: z.literal('setTag'), corp: corpId, id: z.number().int(), name: z.string(), userids: z.array(z.string()), departments: z.array(z.number().int()) }),
  z.strictObject({ op: z.literal('setCorp'), corp: corpId, memberLimit: z.number().int().exactOptional(), frozen: z.number().int().nullable().exactOptional() }),
]);
/** A change with its defaults filled in. */
export type Change = z.output<typeof changeSchema>;
/** A change as a caller writes it; keys with a default may be missing. */
export type ChangeInput = z.input<typeof changeSchema>;

/** Changes the world by one step. Throws SandboxError when the change is impossible (unknown corp, userid or mobile in use). */
export function applyChange(world: World, change: Change): void {
  const corp = world.corp(change.corp);
  switch (change.op) {
    case 'addMember':
      corp.addMember(change.member, change.places);
      break;
    case 'updateMember':
      corp.updateMember(change.userid, { ...change.fields, ...Object.fromEntries(change.drop.map((key) => [key, undefined])) } satisfies MemberPatch);
      break;
    case 'moveMember':
      corp.placeMember(change.userid, change.places);
      break;
    case 'removeMember':
      corp.removeMember(change.userid);
      break;
    case 'addDepartment':
      corp.addDepartment({ name: `部门${change.department.id}`, parentid: 1, order: 0, ...change.department });
      break;
    case 'updateDepartment':
      corp.updateDepartment(change.id, change.fields);
      break;
    case 'removeDepartment':
      corp.removeDepartment(change.id);
      break;
    case 'setSecret':
      Object.assign(world.secret(corp, change.kind), change.patch);
      break;
    case 'setTag':
      corp.tags.set(change.id, { id: change.id, name: change.name, userids: change.userids, departments: change.departments });
      corp.version += 1;
      break;
    case 'setCorp':
      corp.memberLimit = change.memberLimit ?? corp.memberLimit;
      if (change.frozen !== undefined) corp.frozen = change.frozen ?? undefined;
      break;
  }
}
