import PQueue from 'p-queue';
import { memberKey } from '../../core/model.ts';
import type { Gap, MemberKey, Reading, SeenDepartment, SeenMember } from '../../core/model.ts';
import type { ReadingProgress } from '../../core/ports/directory.ts';
import { WecomError } from '../../errors.ts';
import type { Unusable, Usable } from './answers.ts';
import { treatmentOf } from '../request/faults.ts';
import type { CorpClient } from '../corp-client.ts';
import { getMember, listDepartments, listMembers, listUserids } from './questions.ts';

/** How often the departments are read and listed again because some disappeared during the walk. */
const ROUNDS = 3;
/** After this many departments in a row without an answer, the walk stops. */
const LOST_IN_A_ROW = 3;
/** How many departments are in progress per open request: while one backs off, another one can use its place. */
const WIDTH = 2;

/** Reads one corp, department by department, and collects what it finds. */
export class Walk {
  readonly #client: CorpClient;
  readonly #stop = new AbortController();
  readonly #progress: ReadingProgress | undefined;
  readonly #departments = new Map<number, SeenDepartment>();
  readonly #members: SeenMember[] = [];
  readonly #met = new Map<MemberKey, string>();
  readonly #gaps: Gap[] = [];
  readonly #unreadable = { members: new Set<string>(), departments: new Set<string>() };
  readonly #oddLeaders = new Set<string>();
  /** Members whose list of departments holds what is no id, with the departments in whose own lists they came. */
  readonly #oddDepartments = new Map<MemberKey, Set<number>>();
  /** Userids that came in two spellings. */
  readonly #respelled = new Map<MemberKey, string>();
  /** Departments whose members could not be listed, with the error. They are gaps unless WeCom no longer lists the department. */
  readonly #doubtful = new Map<number, unknown>();
  #read = 0;
  #lostInARow = 0;
  /** Aborts all requests of this walk. */
  readonly signal: AbortSignal;

  constructor(client: CorpClient, signal: AbortSignal, progress?: ReadingProgress) {
    this.#client = client;
    this.#progress = progress;
    this.signal = AbortSignal.any([signal, this.#stop.signal]);
  }

  /** Reads `department/list` and replaces the known departments. Returns the ids that are new. */
  async listDepartments(): Promise<readonly number[]> {
    return this.takeDepartments(await listDepartments(this.#client, this.signal));
  }

  /** Replaces the known departments. Returns the ids that are new. */
  takeDepartments(listed: Usable<SeenDepartment>): readonly number[] {
    for (const one of listed.unusable) this.#unreadable.departments.add(nameUnusable(one, 'the departments'));
    this.#noteLeaders('department', listed);
    const known = new Set(this.#departments.keys());
    this.#departments.clear();
    for (const department of listed.items) this.#departments.set(department.id, department);
    this.#tell();
    return [...this.#departments.keys()].filter((id) => !known.has(id));
  }

  /** Adds the members of all departments, from an export. */
  takeMembers(members: Usable<SeenMember>): void {
    this.takeListed('the members', members);
    this.#read = Infinity;
    this.#tell();
  }

  /** Reads the members of the departments `listed`, and of departments that appear while it reads. */
  async readDepartments(listed: readonly number[]): Promise<void> {
    let unread = listed;
    for (let round = 1; unread.length > 0; round += 1) {
      await this.inParallel(unread, (id) => this.#readDepartment(id));
      if (this.#doubtful.size === 0) return;
      const doubtful = new Map(this.#doubtful);
      const added = await this.listDepartments();
      for (const [id, why] of doubtful) if (this.#departments.has(id)) this.gap(`department ${id}`, why);
      this.#doubtful.clear();
      unread = added.filter((id) => !doubtful.has(id));
      if (round >= ROUNDS) break;
    }
    for (const id of unread) this.gap(`department ${id}`, 'it appeared while the others were read, again and again');
  }

  /** Reads members one by one, of the list of `departmentId` if they come from one. A member that WeCom no longer knows is not a gap. */
  async readMembers(userids: readonly string[], departmentId?: number): Promise<void> {
    await this.inParallel(this.unmet(userids), async (userid) => {
      try {
        const member = await getMember(this.#client, userid, this.signal);
        this.#answered();
        if (member !== undefined) this.takeListed('user/get', member, departmentId);
      } catch (error) {
        this.#throwIfOfCorp(error);
        this.gap(`member ${userid}`, error);
      }
    });
  }

  /** Returns those of `userids` that the walk has not found yet, without duplicates. */
  unmet(userids: readonly string[]): readonly string[] {
    const unmet = new Map(userids.map((userid) => [memberKey(userid), userid]));
    return [...unmet].filter(([key]) => !this.#met.has(key)).map(([, userid]) => userid);
  }

  take(member: SeenMember): void {
    const key = memberKey(member.userid);
    const earlier = this.#met.get(key) ?? member.userid;
    if (earlier !== member.userid && !this.#respelled.has(key)) this.#respelled.set(key, `${earlier} and ${member.userid}`);
    this.#members.push(member);
    this.#met.set(key, earlier);
  }

  /** Adds the members of a list, which `what` names. `departmentId` is the department whose list it is. */
  takeListed(what: string, members: Usable<SeenMember>, departmentId?: number): void {
    for (const member of members.items) this.take(member);
    this.#noteDepartments(members, departmentId);
    this.#noteLeaders('member', members);
    this.noteUnusable(what, members);
  }

  /** Notes the members of a list, which `what` names, who have no usable userid. */
  noteUnusable(what: string, { unusable }: Usable<unknown>): void {
    for (const one of unusable) this.#unreadable.members.add(nameUnusable(one, what));
  }

  hasDepartment(id: number): boolean {
    return this.#departments.has(id);
  }

  gap(what: string, why: unknown): void {
    const facts = why instanceof WecomError ? { errcode: why.errcode, request: why.request } : {};
    this.#gaps.push({ what, why: why instanceof Error ? why.message : String(why), ...facts });
  }

  /** Whether there is no gap so far. A reading with gaps is not applied, so further requests would be of no use. */
  get isWhole(): boolean {
    return this.#gaps.length === 0;
  }

  reading(): Reading {
    const members = this.#oddDepartments.size === 0 ? this.#members : this.#members.map((member) => this.#withOwnLists(member));
    return { departments: [...this.#departments.values()], members, gaps: this.#gaps, unreadable: { members: [...this.#unreadable.members], departments: [...this.#unreadable.departments] } };
  }

  /** Runs `task` for every item, several at a time. When one throws, all stop. */
  async inParallel<T>(items: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
    const queue = new PQueue({ concurrency: this.#client.access.concurrency * WIDTH });
    const all = items.map((item) => async () => {
      this.signal.throwIfAborted();
      await task(item);
    });
    try {
      await queue.addAll(all);
    } catch (error) {
      queue.clear();
      this.#stop.abort(error);
      throw error;
    }
  }

  async #readDepartment(id: number): Promise<void> {
    try {
      await this.#readMembersOf(id);
      this.#answered();
    } catch (error) {
      this.#throwIfOfCorp(error);
      this.#doubtful.set(id, error);
    }
    this.#read += 1;
    this.#tell();
  }

  async #readMembersOf(id: number): Promise<void> {
    try {
      this.takeListed(`department ${id}`, await listMembers(this.#client, id, this.signal), id);
    } catch (error) {
      if (treatmentOf(error) !== 'too_large') throw error;
      const userids = await listUserids(this.#client, id, this.signal);
      this.#noteDepartments(userids, id);
      this.noteUnusable(`department ${id}`, userids);
      await this.readMembers(userids.items, id);
    }
  }

  /** Departments and members whose list of leaders is not usable, and counts as not sent. */
  get oddLeaders(): readonly string[] {
    return [...this.#oddLeaders];
  }

  /** Members whose list of departments holds what is no id. */
  get oddDepartments(): readonly string[] {
    return [...this.#oddDepartments.keys()].map((key) => `member ${this.#met.get(key) ?? key}`);
  }

  /** Userids that came in two spellings and are one member: `a and A`. */
  get respelled(): readonly string[] {
    return [...this.#respelled.values()];
  }

  /** A member is in each department in whose own list they came, whatever is wrong with their list of departments. */
  #withOwnLists(member: SeenMember): SeenMember {
    const own = this.#oddDepartments.get(memberKey(member.userid));
    if (own === undefined || own.size === 0) return member;
    const listed = member.memberships ?? [];
    const missing = [...own].filter((id) => listed.every(({ departmentId }) => departmentId !== id));
    return { ...member, memberships: [...listed, ...missing.map((departmentId) => ({ departmentId }))] };
  }

  #noteDepartments({ oddDepartments }: Usable<unknown>, departmentId: number | undefined): void {
    for (const userid of oddDepartments) {
      const own = this.#oddDepartments.get(memberKey(userid)) ?? new Set();
      this.#oddDepartments.set(memberKey(userid), departmentId === undefined ? own : own.add(departmentId));
    }
  }

  #noteLeaders(entity: 'department' | 'member', { oddLeaders }: Usable<unknown>): void {
    for (const id of oddLeaders) this.#oddLeaders.add(`${entity} ${id}`);
  }

  #answered(): void {
    this.#lostInARow = 0;
  }

  /** Returns when the error concerns one department or member only; throws it when it concerns the whole corp. */
  #throwIfOfCorp(error: unknown): void {
    this.signal.throwIfAborted();
    switch (treatmentOf(error)) {
      case 'item':
      case 'absent':
      case 'too_large':
      case 'cursor':
      case 'bug':
        this.#lostInARow = 0;
        return;
      case 'repeat':
      case 'yield':
        this.#lostInARow += 1;
        if (this.#lostInARow >= LOST_IN_A_ROW) throw error;
        return;
      case 'renew':
      case 'pause':
      case 'corp':
      case undefined:
        throw error;
    }
  }

  #tell(): void {
    this.#progress?.onDepartments(Math.min(this.#read, this.#departments.size), this.#departments.size);
  }
}

/** Names a record without a usable id: by what it says of itself, or by its place in the list, which `what` names. */
function nameUnusable({ name, record, mobile }: Unusable, what: string): string {
  return name ?? `record ${record} of ${what}${mobile === undefined ? '' : ` (mobile ${mobile})`}`;
}
