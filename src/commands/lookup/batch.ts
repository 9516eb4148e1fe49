import { countOf } from '../../core/count.ts';
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { parsePhone } from '../../core/phone.ts';
import { asOrgsyncError, gravestExitCode, OrgsyncError } from '../../errors.ts';
import type { ErrorKind } from '../../errors.ts';
import type { LookupAnswer, LookupDeps, LookupMatch, Wanted } from '../../sync/lookup/lookup.ts';
import { lookupMany } from '../../sync/lookup/lookup.ts';
import { currentHolders, errorsOf, lookupErrors } from '../../sync/lookup/exit.ts';
import type { UnknownCorp } from '../../sync/lookup/unknown.ts';
import type { LiveStep } from '../../sync/lookup/live.ts';
import type { ReplicaState } from '../../core/ports/replica.ts';
import { replicaText } from '../../terminal/replica.ts';
import { formatNames } from '../../core/finding.ts';
import { plain } from '../../terminal/terminal.ts';
import type { CommandContext } from '../../app/context.ts';
import { departedLine, nameOf, pathText, UNCONFIGURED } from './card.ts';
import { notAPhone } from './error.ts';
import { lookupDocument, refusedDocument } from './json.ts';
import { complain, spentText } from './live-text.ts';
import { unknownLines } from './unknown-text.ts';
import { pad } from '../../terminal/width.ts';

/** The lines of a file of numbers, and how many they are; for a stream that is not known. */
export interface Numbers {
  readonly lines: AsyncIterable<string> | Iterable<string>;
  readonly total: number | undefined;
}

/**
 * Reads a file with one number per line, or `stdin` for `-`, until `signal` aborts. Throws `usage` when the file cannot be
 * read.
 */
export async function readNumbers(path: string, stdin: Readable, signal: AbortSignal): Promise<Numbers> {
  if (path === '-') return { lines: linesOf(stdin, signal), total: undefined };
  try {
    const lines = (await readFile(path, 'utf8')).split(/\r?\n/u).filter((line) => line.trim() !== '');
    return { lines, total: lines.length };
  } catch (cause) {
    throw new OrgsyncError('usage', { code: 'file_unreadable', message: `${path} cannot be read`, hint: 'give a file of numbers, one a line, or - for standard input', cause });
  }
}

/** Splits a stream into lines. node:readline is not used, because it loses lines that arrive before the iteration starts. */
async function* linesOf(stream: Readable, signal: AbortSignal): AsyncGenerator<string> {
  signal.throwIfAborted();
  // Otherwise an abort would wait for the next line of a person or of an open pipe.
  signal.addEventListener('abort', () => stream.destroy(asOrgsyncError(signal.reason)), { once: true });
  const decoder = new TextDecoder();
  let rest = '';
  const chunks: AsyncIterable<Uint8Array> = stream;
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/u);
    rest = lines.pop() ?? '';
    yield* lines;
  }
  yield rest;
}

/** One line of the file. */
interface Line extends Wanted {
  readonly typed: string;
  /** Why it is not a phone number. */
  readonly problem: string | undefined;
}

/** A batch of numbers, and what looking them up needs. */
export interface Batch {
  readonly numbers: Numbers;
  readonly region: string;
  readonly deps: LookupDeps;
  /** How the replica that is read compares with the store; null without one. */
  readonly replica: ReplicaState | null;
}

/** Looks up the numbers, prints a line for each, and a summary on stderr. Returns the exit code of the gravest error. */
export async function lookupBatch({ numbers, region, deps, replica }: Batch, { terminal, signal }: CommandContext): Promise<number> {
  const tally = new Tally();
  const bars = process.stdout.isTTY ? undefined : terminal.bars();
  try {
    for await (const { of, answer } of lookupMany(parsed(numbers.lines, region), deps)) {
      signal.throwIfAborted();
      const error = notAPhone(of.typed, of.problem ?? '');
      if (terminal.json) terminal.line(answer === undefined ? refusedDocument(of.typed, error) : lookupDocument(answer, replica));
      else terminal.data(answer === undefined ? plain(error.message) : answerLine(answer));
      tally.add(answer);
      if (tally.count % 100 === 0) bars?.update('numbers', tally.count, Math.max(tally.count, numbers.total ?? 0));
    }
  } finally {
    bars?.stop();
  }
  complain(tally.firstFailures, terminal);
  const ofReplica = replicaText(replica);
  if (ofReplica !== null) terminal.warn(ofReplica);
  if (!terminal.quiet || tally.refused > 0) terminal.warn(`orgsync: ${tally.text()}`);
  return gravestExitCode(tally.errors);
}

async function* parsed(lines: Numbers['lines'], region: string): AsyncGenerator<Line> {
  for await (const typed of lines) {
    if (typed.trim() === '') continue;
    const phone = parsePhone(typed, region);
    yield 'e164' in phone ? { typed, phone: phone.e164, problem: undefined } : { typed, phone: undefined, problem: phone.problem };
  }
}

const PHONE_COLUMNS = 16;
const NAME_COLUMNS = 24;

/** Formats a number and its holders in one line. */
function answerLine(answer: LookupAnswer): string {
  const { phone, matches } = answer;
  const current = currentHolders(answer);
  const people = current.map((match) => {
    const where = match.departments.map(({ path }) => pathText(path)).join(', ');
    return [pad(`${nameOf(match)} (${plain(match.member.userid)})`, NAME_COLUMNS), plain(match.corp.name), plain(match.member.fields.position ?? ''), where].filter((part) => part !== '').join('  ');
  });
  const former = current.length === 0 ? matches.map(formerText) : [];
  const said = [...people, ...former];
  const hidden = (answer.live ?? []).flatMap((step) => (step.is === 'unreadable' ? `: ${plain(step.corp.name)} has it with the userid ${plain(step.userid)}` : []));
  const nobody = answer.unknown.length > 0 ? `unknown${hidden.join('')}` : 'nobody';
  return `${phone.padEnd(PHONE_COLUMNS)}  ${said.length === 0 ? nobody : said.join('; ')}`;
}

/** Describes a former holder: a departed member, or one whom WeCom no longer shows and of whom no run has found out more yet. */
function formerText(match: LookupMatch): string {
  if (match.departedAt !== null) return departedLine(match, { bold: String });
  if (!match.configured) return `${nameOf(match)} (${plain(match.member.userid)})  ${plain(match.corp.name)}${UNCONFIGURED}`;
  return `${nameOf(match)} (${plain(match.member.userid)}) of ${plain(match.corp.name)} has it by the store’s word, and WeCom shows them no more`;
}

/** Counts the results of a batch. */
class Tally {
  readonly errors = new Set<ErrorKind>();
  count = 0;
  refused = 0;
  #found = 0;
  #former = 0;
  #unknown = 0;
  readonly #unknowing = new Map<string, UnknownCorp>();
  readonly #unasked = new Map<string, { readonly step: LiveStep; count: number }>();

  add(answer: LookupAnswer | undefined): void {
    this.count += 1;
    if (answer === undefined) {
      this.refused += 1;
      this.errors.add('usage');
      return;
    }
    for (const kind of lookupErrors(answer)) this.errors.add(kind);
    if (currentHolders(answer).length > 0) this.#found += 1;
    else if (answer.matches.some(({ departedAt }) => departedAt !== null)) this.#former += 1;
    else if (answer.unknown.length > 0) this.#unknown += 1;
    for (const one of answer.unknown) this.#unknowing.set(`${one.why} ${one.corp.id}`, one);
    for (const step of answer.live ?? []) this.#note(step);
  }

  /** Returns the first error of each corp; further errors of the same corp are alike. */
  get firstFailures(): readonly LiveStep[] {
    return [...this.#unasked.values()].filter(({ step }) => errorsOf([step]).length > 0).map(({ step }) => step);
  }

  text(): string {
    const nobody = this.count - this.refused - this.#found - this.#former - this.#unknown;
    const parts = [`${this.#found} found`, `${this.#former} left`, `${nobody} nobody`, ...(this.#unknown > 0 ? [`${this.#unknown} unknown`] : []), ...(this.refused > 0 ? [`${this.refused} not phone numbers`] : [])];
    return [`${countOf(this.count, 'number')}: ${parts.join(', ')}`, ...unaskedLines([...this.#unasked.values()]), ...unknownLines([...this.#unknowing.values()])].join('\n  ');
  }

  #note(step: LiveStep): void {
    if (step.is === 'found' || step.is === 'unreadable' || (step.is === 'nobody' && step.writeError === null)) return;
    const key = `${step.is} ${step.corp.id}`;
    const noted = this.#unasked.get(key) ?? { step, count: 0 };
    noted.count += 1;
    this.#unasked.set(key, noted);
  }
}

interface Unasked {
  readonly step: LiveStep;
  readonly count: number;
}

/** Says which corps were not asked for how many numbers, and why: one line for all that are alike. */
function unaskedLines(unasked: readonly Unasked[]): readonly string[] {
  const groups = new Map<string, Unasked[]>();
  for (const one of unasked) {
    const key = `${one.step.is} ${one.count}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].flatMap((group) => unaskedText(group));
}

function unaskedText(group: readonly Unasked[]): readonly string[] {
  const corps = plain(formatNames(group.map(({ step }) => step.corp.name)));
  const [was, it] = group.length === 1 ? ['was', 'it'] : ['were', 'they'];
  const [{ step, count } = { step: undefined, count: 0 }] = group;
  if (step?.is === 'ration_spent') return [`${corps} ${was} not asked for ${count}: ${spentText(...group.flatMap(({ step: one }) => (one.is === 'ration_spent' ? [one.budget] : [])))}`];
  if (step?.is === 'known_wrong') return [`${corps} ${was} not asked for ${count}, which ${it} did not know not long ago (lookup.forget_wrong_after)`];
  return step?.is === 'failed' ? [`${corps} did not answer for ${count}`] : [];
}
