import type { Extattr, MemberSpec } from './corp.ts';
import { GIVEN_NAMES, ODD_NAMES, POSITIONS, SURNAMES } from './names.ts';
import type { Random } from './random.ts';

const MAINLAND_PREFIXES = ['130', '135', '136', '138', '139', '150', '158', '177', '186', '188', '199'] as const;
const US_AREAS = ['206', '212', '312', '415', '650', '917'] as const;

/** One in this many people also works for another corp, with the same number. */
const SHARED_EVERY = 97;

/** One in this many people has a name that breaks careless programs. */
const ODD_EVERY = 61;

/** Where the number series of a corp begins. Corps with different offsets share almost no numbers. */
export interface NumberSeries {
  readonly offset: number;
}

/**
 * Invents the `index`-th person of a corp: name, userid, contact data and odd details, without a department.
 * The same random stream and index give the same person; the index makes userid and mobile unique.
 */
export function inventPerson(random: Random, index: number, series: NumberSeries, mailDomain: string): MemberSpec {
  const [surname, surnamePinyin] = random.pick(SURNAMES);
  const [given, givenPinyin] = random.pick(GIVEN_NAMES);
  const userid = inventUserid(random, index, surnamePinyin, givenPinyin);
  const mailName = `${surnamePinyin}.${givenPinyin}.${index}`.toLowerCase();
  return {
    userid,
    name: (index % ODD_EVERY === 17 ? ODD_NAMES[Math.floor(index / ODD_EVERY) % ODD_NAMES.length] : undefined) ?? surname + given,
    alias: random.chance(0.2) ? givenPinyin : '',
    position: random.pick(POSITIONS),
    mobile: inventMobile(random, index, series),
    gender: random.pick(['1', '1', '1', '2', '2', '2', '0']),
    email: random.chance(0.7) ? `${mailName}@mail.example` : '',
    biz_mail: `${mailName}@${mailDomain}`,
    telephone: random.chance(0.1) ? `0${random.int(10, 29)}-${random.int(6_000_000, 8_999_999)}` : '',
    address: random.chance(0.1) ? `${random.int(1, 400)} 号 ${random.int(1, 30)} 楼` : '',
    english_name: random.chance(0.1) ? givenPinyin.toLowerCase() : '',
    status: random.chance(0.9) ? 1 : random.pick([2, 2, 4, 4, 4, 4, 4, 4, 4, 5]),
    extattr: inventExtattr(random, index),
    ...(random.chance(0.05) ? { external_position: random.pick(POSITIONS) } : {}),
    ...(random.chance(0.05) ? { empty_leader_array: true } : {}),
  };
}

/** All forms seen in live corps: pinyin in mixed case, staff numbers, mail addresses, 32 hex digits, a UUID. */
function inventUserid(random: Random, index: number, surname: string, given: string): string {
  const form = random.int(0, 19);
  if (form < 12) return `${surname}${given}${index}`;
  if (form < 15) return `${surname.toLowerCase()}.${given.toLowerCase()}_${index}`;
  if (form < 17) return `CX${String(index).padStart(6, '0')}`;
  if (form === 17) return `${given.toLowerCase()}-${index}@corp`;
  const hex = random.hex(24) + index.toString(16).padStart(8, '0');
  if (form === 18) return hex;
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/**
 * The number of the `index`-th person: mainland numbers without country code, a few from Hong Kong and the United States
 * with their country code, and sometimes none. One in {@link SHARED_EVERY} comes from a series that all corps share.
 */
function inventMobile(random: Random, index: number, { offset }: NumberSeries): string {
  const serial = index % SHARED_EVERY === 0 ? index : offset + index;
  const form = random.int(0, 99);
  if (form < 4) return '';
  if (form < 7) return `+852${['5', '6', '9'][serial % 3] ?? '9'}${digits(serial, 7)}`;
  if (form < 9) return `+1${US_AREAS[serial % US_AREAS.length] ?? '212'}${200 + (serial % 700)}${digits(serial, 4)}`;
  return `${MAINLAND_PREFIXES[serial % MAINLAND_PREFIXES.length] ?? '138'}${digits(serial, 8)}`;
}

/** A permutation of the numbers with `length` digits (7919 is prime to 10), so that neighbouring serials look different. */
function digits(serial: number, length: number): string {
  return String((serial * 7919 + 12_345) % 10 ** length).padStart(length, '0');
}

function inventExtattr(random: Random, index: number): Extattr {
  const form = random.int(0, 9);
  if (form < 6) return { attrs: [] };
  if (form < 8) return { attrs: [{ type: 0, name: '工号', text: { value: String(10_000 + index) } }] };
  if (form === 8) return { attrs: [{ name: '员工编码', value: String(10_000 + index) }, { name: '职级', value: `P${random.int(3, 9)}` }] };
  return {
    attrs: [
      { type: 0, name: '职级', text: { value: `P${random.int(3, 9)}` } },
      { type: 1, name: '主页', web: { url: `https://home.example/${index}`, title: '个人主页' } },
    ],
  };
}
