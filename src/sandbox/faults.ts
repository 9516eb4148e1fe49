import { z } from 'zod';
import { changeSchema } from './changes.ts';
import { hintForms } from './envelope.ts';
import { createRandom, type Random } from './random.ts';
import { SandboxError } from './sandbox-error.ts';

/** The effects that a rule can have on a request or its answer. When several rules apply, all their effects do. */
const effectSchema = z.discriminatedUnion('kind', [
  // before the answer is computed
  z.strictObject({ kind: z.literal('delay'), ms: z.number().min(0) }),
  z.strictObject({ kind: z.literal('hold'), when: z.enum(['before', 'after']).default('before') }),
  z.strictObject({ kind: z.literal('change'), change: changeSchema }),
  z.strictObject({ kind: z.literal('killToken'), as: z.union([z.literal(40014), z.literal(42001)]).default(40014), all: z.boolean().default(false) }),
  z.strictObject({ kind: z.literal('reset') }),
  z.strictObject({ kind: z.literal('hang') }),
  // instead of the answer
  z.strictObject({ kind: z.literal('errcode'), errcode: z.number().int(), text: z.string().optional(), hint: z.enum(hintForms).optional(), lists: z.boolean().optional() }),
  z.strictObject({ kind: z.literal('status'), status: z.number().int().min(200).max(599).default(500) }),
  z.strictObject({ kind: z.literal('html'), status: z.number().int().min(200).max(599).default(502) }),
  z.strictObject({ kind: z.literal('empty') }),
  z.strictObject({
    kind: z.literal('body'),
    body: z.string(),
    status: z.number().int().default(200),
    headers: z.record(z.string(), z.string()).default({}),
    base64: z.boolean().default(false),
  }),
  // to the answer
  z.strictObject({ kind: z.literal('patch'), set: z.record(z.string(), z.unknown()).default({}), drop: z.array(z.string()).default([]) }),
  z.strictObject({ kind: z.literal('cut'), share: z.number().min(0).max(1).default(0.5) }),
  // to the delivery of the answer
  z.strictObject({ kind: z.literal('lose') }),
  z.strictObject({ kind: z.literal('break'), share: z.number().min(0).max(1).default(0.5) }),
  z.strictObject({ kind: z.literal('drip'), chunks: z.number().int().min(1).default(10), everyMs: z.number().min(0).default(100) }),
]);
/** An effect with its defaults filled in. */
export type Effect = z.output<typeof effectSchema>;

const positive = z.number().int().min(1);

/** When a rule applies: to which requests, and to which of those. */
export const ruleSchema = z.strictObject({
  id: z.string().optional(),
  match: z
    .strictObject({
      endpoint: z.union([z.string(), z.array(z.string())]),
      corp: z.string(),
      department: z.number().int().describe('department_id or id in the query'),
      userid: z.string().describe('in the query, whatever its case'),
    })
    .partial()
    .default({}),
  nth: z.union([positive, z.array(positive)]).optional().describe('the n-th matching request since the rule was made, counted from 1'),
  times: positive.optional().describe('at most so often; hold: once unless told otherwise'),
  probability: z.number().min(0).max(1).optional(),
  effect: effectSchema,
});
/** A rule with its defaults filled in. */
export type Rule = z.output<typeof ruleSchema>;
/** A rule as a caller writes it; keys with a default may be missing. */
export type RuleInput = z.input<typeof ruleSchema>;

/** The parts of a request that rules compare. */
export interface Subject {
  readonly endpoint: string;
  readonly corpId: string;
  readonly department: number | undefined;
  readonly userid: string | undefined;
}

/** A rule in force, as its creator sees it. */
export interface Fault {
  readonly id: string;
  /** How many requests matched the rule, and how many it was applied to. */
  readonly matched: number;
  readonly fired: number;
  /** Resolves when the rule was applied this often; for a hold, when this many requests have reached it. */
  reached(times?: number): Promise<void>;
  /** Releases the requests that it holds now. */
  release(): void;
  /** Ends the rule and releases the requests that it holds. */
  remove(): void;
}

/** A rule that applies to a request: its effect, and how it holds the request. */
export interface Firing {
  readonly effect: Effect;
  /** Reports that the request has reached its hold; resolves when the request is released. */
  readonly hold: () => Promise<void>;
}

class ActiveFault implements Fault {
  readonly id: string;
  readonly rule: Rule;
  matched = 0;
  fired = 0;
  /** Like `fired`, but a request that is to be held counts when the hold begins. */
  #told = 0;
  #held: (() => void)[] = [];
  #waiters: { readonly times: number; readonly resolve: () => void }[] = [];
  readonly #forget: () => void;

  constructor(id: string, rule: Rule, forget: () => void) {
    this.id = id;
    this.rule = rule;
    this.#forget = forget;
  }

  /** What applies to this request, if anything. */
  meet(subject: Subject, random: Random): Firing | undefined {
    const { match, nth, effect, probability } = this.rule;
    if (!matches(match, subject)) return undefined;
    this.matched += 1;
    const times = this.rule.times ?? (effect.kind === 'hold' && nth === undefined ? 1 : Number.POSITIVE_INFINITY);
    if (this.fired >= times || (nth !== undefined && ![nth].flat().includes(this.matched))) return undefined;
    if (probability !== undefined && !random.chance(probability)) return undefined;
    return this.#fire(effect);
  }

  #fire(effect: Effect): Firing {
    this.fired += 1;
    if (effect.kind !== 'hold' && effect.kind !== 'hang') this.#tell();
    return { effect, hold: () => this.#hold() };
  }

  #hold(): Promise<void> {
    const released = new Promise<void>((resolve) => this.#held.push(resolve));
    this.#tell();
    return released;
  }

  #tell(): void {
    this.#told += 1;
    for (const { times, resolve } of this.#waiters) if (this.#told >= times) resolve();
    this.#waiters = this.#waiters.filter(({ times }) => this.#told < times);
  }

  reached(times = 1): Promise<void> {
    if (this.#told >= times) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ times, resolve }));
  }

  release(): void {
    for (const letGo of this.#held.splice(0)) letGo();
  }

  remove(): void {
    this.#forget();
    this.release();
  }
}

/** Faults on demand. Rules are checked in the order of their creation. */
export class Faults {
  readonly #active = new Map<string, ActiveFault>();
  readonly #random: Random;
  #made = 0;

  constructor(seed: number) {
    this.#random = createRandom(`faults/${seed}`);
  }

  /** Puts a rule in force; a rule with the id of another one replaces it. */
  add(input: RuleInput): Fault {
    const rule = ruleSchema.parse(input);
    this.#made += 1;
    const id = rule.id ?? `fault-${this.#made}`;
    this.#active.get(id)?.remove();
    const fault = new ActiveFault(id, rule, () => this.#active.delete(id));
    this.#active.set(id, fault);
    return fault;
  }

  get(id: string): Fault {
    const fault = this.#active.get(id);
    if (fault === undefined) throw new SandboxError(`no fault ${id} is in force`);
    return fault;
  }

  list(): readonly { readonly id: string; readonly matched: number; readonly fired: number; readonly rule: Rule }[] {
    return [...this.#active.values()].map(({ id, matched, fired, rule }) => ({ id, matched, fired, rule }));
  }

  clear(): void {
    for (const fault of [...this.#active.values()]) fault.remove();
  }

  /** All effects that apply to this request. */
  meet(subject: Subject): readonly Firing[] {
    return [...this.#active.values()].flatMap((fault) => fault.meet(subject, this.#random) ?? []);
  }
}

function matches(match: Rule['match'], subject: Subject): boolean {
  const { endpoint, corp, department, userid } = match;
  return (
    (endpoint === undefined || [endpoint].flat().includes(subject.endpoint)) &&
    (corp === undefined || corp === subject.corpId) &&
    (department === undefined || department === subject.department) &&
    (userid === undefined || userid.toLowerCase() === subject.userid?.toLowerCase())
  );
}
