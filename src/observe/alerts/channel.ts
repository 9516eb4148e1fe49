import type { Alert } from '../../core/alerts/alerting.ts';

/** What is told at once: everything that one run found worth telling. */
export interface Notice {
  readonly alerts: readonly [Alert, ...Alert[]];
  readonly host: string;
  /** Our package version. */
  readonly version: string;
  readonly at: Date;
}

/** A way to tell people. */
export interface Channel {
  /** For logs: holds no secret. */
  readonly name: string;
  /** Tells it, within seconds, or throws OrgsyncError. */
  tell(notice: Notice): Promise<void>;
}
