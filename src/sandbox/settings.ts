import { z } from 'zod';
import { hintForms } from './envelope.ts';

/** The settings of the sandbox, which can be set at the start and changed while it runs. */
export const settingsSchema = z.strictObject({
  latencyMs: z.number().min(0).describe('how long every answer takes'),
  jitterMs: z.number().min(0).describe('up to this much more, at random'),
  callerIp: z.string().nullable().describe('the address that errmsg and the allow-list see; null: the real one'),
  hints: z.enum(hintForms).nullable().describe('form of errmsg; null: as each code usually comes'),
  emptyLists: z.boolean().describe('error bodies carry the empty lists of their endpoint'),
  tokenLifetimeS: z.number().int().min(1),
  tokenLength: z.number().int().min(16).max(512),
  newTokenEachTime: z.boolean().describe('gettoken inside the validity gives a new token'),
  oldTokensSurvive: z.boolean().describe('a new token leaves the older ones valid'),
  badSecretsPerHour: z.number().int().min(0).describe('wrong secrets from one address before gettoken answers 45009 for an hour'),
  corpPerMinute: z.number().int().min(1),
  corpPerHour: z.number().int().min(1),
  ipPerMinute: z.number().int().min(1),
  ipPerHour: z.number().int().min(1),
  concurrency: z.number().int().min(1).describe('open requests per corp and endpoint before 45033'),
  strictPerSecond: z.number().int().min(1).nullable().describe('more than this in any sliding second from one corp bans the address'),
  wrongNumberRule: z.boolean().describe('getuserid closes for the day after too many misses'),
  wrongNumberShare: z.number().min(0).max(1),
  maxListMembers: z.number().int().min(0).nullable().describe('a larger department answers 45029; null: none is too large'),
  fetchChild: z.boolean().describe('honours fetch_child=1, as before spring 2022'),
  unknownDepartment: z.union([z.literal(60003), z.literal(60123)]),
  invisibleMember: z.union([z.literal(60111), z.literal(60011)]),
  lastCursor: z.enum(['absent', 'empty']).describe('next_cursor on the last page of user/list_id'),
  exportPolls: z.number().int().min(0).describe('how many times an export says that it is still running'),
  exportListsEarly: z.boolean().describe('a running export already has a data_list'),
  robotPerMinute: z.number().int().min(0),
});
/** All settings. */
export type Settings = z.infer<typeof settingsSchema>;

/** WeCom's real limits: the published ones, and reported ones where none is published. */
export const DEFAULT_SETTINGS: Settings = {
  latencyMs: 0,
  jitterMs: 0,
  callerIp: null,
  hints: null,
  emptyLists: true,
  tokenLifetimeS: 7200,
  tokenLength: 214,
  newTokenEachTime: false,
  oldTokensSurvive: true,
  badSecretsPerHour: 2000,
  corpPerMinute: 10_000,
  corpPerHour: 150_000,
  ipPerMinute: 20_000,
  ipPerHour: 600_000,
  concurrency: 40,
  strictPerSecond: null,
  wrongNumberRule: true,
  wrongNumberShare: 0.2,
  maxListMembers: null,
  fetchChild: false,
  unknownDepartment: 60003,
  invisibleMember: 60111,
  lastCursor: 'absent',
  exportPolls: 2,
  exportListsEarly: false,
  robotPerMinute: 20,
};
