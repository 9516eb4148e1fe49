import { z } from 'zod';

/**
 * The kind of a secret decides what it may see:
 * - `app_pre2022`: a self-built application from before 2022-06-20 20:00; sees every field of its visible range
 * - `app`: a later one; mobile, email, biz_mail, avatar, qr_code and address are hidden from it, gender is "0" (P90196)
 * - `contacts`: the contacts-sync secret; the whole corp, but ids only (48009) from an address that is new (P96079)
 */
export const secretKinds = ['app_pre2022', 'app', 'contacts'] as const;
/** One of {@link secretKinds}. */
export type SecretKind = (typeof secretKinds)[number];

/** What an application may see: departments with everything below them, and single members, by userid or by tag. */
const visibleRangeSchema = z.strictObject({
  departments: z.array(z.number().int()),
  users: z.array(z.string()),
  tags: z.array(z.number().int()),
});
/** A visible range. */
export type VisibleRange = z.infer<typeof visibleRangeSchema>;

/** The forms of WeCom's answers over the years; see editions.ts. */
export const editionNames = ['today', 'documented', '2022', '2021', '2019', '2017', 'private'] as const;
/** One of {@link editionNames}. */
export type EditionName = (typeof editionNames)[number];

/** What may be changed about a secret while the sandbox runs. */
export const secretPatchSchema = z.strictObject({
  secret: z.string().exactOptional().describe('the text itself: changing it is resetting the secret'),
  range: visibleRangeSchema.exactOptional(),
  trustedIps: z.array(z.string()).nullable().exactOptional().describe('null: any address (as before 2022-06-20)'),
  newIp: z.boolean().exactOptional().describe('contacts only: the address was not used in the last 90 days, so ids only'),
  disabled: z.boolean().exactOptional().describe('the application was stopped: 40001'),
  edition: z.enum(editionNames).exactOptional(),
  hides: z.array(z.string()).exactOptional().describe('keys never sent to this secret'),
  omitErrmsg: z.boolean().exactOptional(),
  omitErrcode: z.boolean().exactOptional().describe('some endpoints leave errcode out when all is well'),
});

/** One secret of a corp. */
export interface Secret {
  readonly kind: SecretKind;
  readonly agentId: number;
  secret: string;
  range: VisibleRange;
  trustedIps: readonly string[] | null;
  newIp: boolean;
  disabled: boolean;
  edition: EditionName;
  hides: readonly string[];
  omitErrmsg: boolean;
  omitErrcode: boolean;
}

/** The root department with everything below it. */
export const WHOLE_CORP: VisibleRange = { departments: [1], users: [], tags: [] };

/** A secret with default settings. */
export function plainSecret(kind: SecretKind, agentId: number, secret: string): Secret {
  return {
    kind,
    agentId,
    secret,
    range: WHOLE_CORP,
    trustedIps: null,
    newIp: kind === 'contacts',
    disabled: false,
    edition: 'today',
    hides: [],
    omitErrmsg: false,
    omitErrcode: false,
  };
}
