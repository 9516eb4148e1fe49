import type { Finding } from '../finding.ts';
import type { Corp, Reading, SeenMember } from '../model.ts';

/** What a reading tells while it goes on. */
export interface ReadingProgress {
  /** `done` of `total` departments have been read; `total` can grow while reading. */
  onDepartments(done: number, total: number): void;
}

/** WeCom's word on one member: as they are now, or that nobody visible has this userid. */
export type MemberAnswer = { readonly is: 'here'; readonly member: SeenMember } | { readonly is: 'gone' };

/**
 * Reads organisations. Every method keeps to the corp's pace, renews tokens by itself, repeats what is worth repeating,
 * and throws a WecomError (`refused`, `temporary`, `unavailable`, `failed`) when the corp as a whole cannot be read.
 * All stop within a second of `signal`'s abort and then reject with `signal.reason`.
 */
export interface Directory {
  /**
   * Walks through the whole corp. A result is whole, or names its gaps; nothing is guessed: a department whose members
   * could not be had is a gap, unless WeCom no longer lists that department.
   */
  read(corp: Corp, options: { readonly signal: AbortSignal; readonly progress?: ReadingProgress }): Promise<Reading>;
  /** Asks for one member by userid. `gone` means WeCom said so itself (60111, 40003, 60011 for this member, or status 5 in its answer). */
  findMember(corp: Corp, userid: string, signal: AbortSignal): Promise<MemberAnswer>;
  /**
   * The userid whose mobile this is, or undefined when WeCom answers 46004, which counts as a wrong number:
   * whoever calls keeps the ration.
   * @param mobile as WeCom writes it: mainland numbers bare, others as `+CC…`.
   */
  findUseridByMobile(corp: Corp, mobile: string, signal: AbortSignal): Promise<string | undefined>;
  /** What this corp's credential can do. Does not throw for what it finds out; that is in the findings. */
  probe(corp: Corp, signal: AbortSignal): Promise<readonly Finding[]>;
  /** Requests sent to WeCom for this corp since the directory was opened: repeats and token requests included. */
  requestsSent(corp: Corp): number;
  close(): Promise<void>;
}
