import type { Finding } from '../finding.ts';
import type { Corp, Reading, SeenMember } from '../model.ts';

/** Progress of a reading. */
export interface ReadingProgress {
  /** `done` of `total` departments have been read; `total` can grow during the reading. */
  onDepartments(done: number, total: number): void;
}

/** WeCom's answer about one member: the current record, or that no visible member has this userid; `left` when it shows one who has left (status 5). */
export type MemberAnswer = { readonly is: 'here'; readonly member: SeenMember } | { readonly is: 'gone'; readonly left?: boolean };

/**
 * Reads organisations. Every method keeps the rate limit of the corp, renews tokens, retries after temporary failures,
 * and throws a WecomError (`refused`, `temporary`, `unavailable`, `failed`) when the corp as a whole cannot be read.
 * All stop within a second after `signal` aborts, and then reject with `signal.reason`.
 */
export interface Directory {
  /**
   * Reads the whole corp. The result is whole or names its gaps; nothing is guessed. A department whose members could not be
   * read is a gap, unless WeCom no longer lists that department.
   */
  read(corp: Corp, options: { readonly signal: AbortSignal; readonly progress?: ReadingProgress }): Promise<Reading>;
  /** Asks for one member by userid. `gone` means that WeCom said so (60111, 40003 or 60011 for this member, or status 5 in its answer), or that no member can be stored under this userid. */
  findMember(corp: Corp, userid: string, signal: AbortSignal): Promise<MemberAnswer>;
  /**
   * The userid of the member with this mobile, even one that cannot be stored, or undefined when WeCom answers 46004. That counts as a wrong number: the
   * caller must keep the ration.
   * @param mobile as WeCom writes it: mainland numbers without country code, others as `+CC…`.
   */
  findUseridByMobile(corp: Corp, mobile: string, signal: AbortSignal): Promise<string | undefined>;
  /** Checks what this corp's credential can do. Failures become findings and are not thrown. */
  probe(corp: Corp, signal: AbortSignal): Promise<readonly Finding[]>;
  /** Requests sent to WeCom for this corp since the directory was opened, including retries and token requests. */
  requestsSent(corp: Corp): number;
  close(): Promise<void>;
}
