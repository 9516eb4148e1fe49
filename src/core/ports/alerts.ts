/** What is complained of: a corp, a process on its host, or the whole fleet; and in which way. */
export interface AlertKey {
  /** `corp:ww…`, `run`, `fleet`. */
  readonly subject: string;
  readonly kind: 'failed' | 'held_back' | 'stale';
}

/** One complaint, as every host knows it. Closed ones stay, to be opened again. */
export interface AlertRecord extends AlertKey {
  /** When the trouble was seen first. */
  readonly since: Date;
  /** When somebody was told last. */
  readonly sentAt: Date;
  /** When it was over; null while it lasts. */
  readonly closedAt: Date | null;
  /** Who saw it. */
  readonly host: string;
  /** One line for people. */
  readonly message: string;
}

/** What is complained of now, shared by all hosts, so that one of them speaks and not all. Throws OrgsyncError as every part of the store does, see `Tables` in tables.ts. */
export interface AlertBook {
  /** Every record, closed ones included. */
  read(): Promise<readonly AlertRecord[]>;
  /** Writes `next` in place of `previous` (null: there was none yet). False, and nothing is written, when somebody else was quicker. */
  replace(previous: AlertRecord | null, next: AlertRecord): Promise<boolean>;
}
