/** What an alert is about: a corp, a process on its host, or the whole fleet; and its kind. */
export interface AlertKey {
  /** `corp:ww…`, `run`, `fleet`. */
  readonly subject: string;
  readonly kind: 'failed' | 'held_back' | 'stale';
}

/** One alert as all hosts share it. Closed ones stay and can be opened again. */
export interface AlertRecord extends AlertKey {
  /** When the failure was first seen. */
  readonly since: Date;
  /** When an alert was last sent. */
  readonly sentAt: Date;
  /** When the failure ended; null while it lasts. */
  readonly closedAt: Date | null;
  /** The host that saw it. */
  readonly host: string;
  /** One line for people. */
  readonly message: string;
}

/** The alerts that all hosts share, so that only one of them sends each. Throws OrgsyncError like every part of the store, see `Tables` in tables.ts. */
export interface AlertBook {
  /** All records, including closed ones. */
  read(): Promise<readonly AlertRecord[]>;
  /** Writes `next` in place of `previous` (null: there was none yet). False, and nothing is written, when another process was faster. */
  replace(previous: AlertRecord | null, next: AlertRecord): Promise<boolean>;
}
