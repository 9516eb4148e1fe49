import type { Alert } from '../../core/alerts/alerting.ts';

/** One message: all alerts of one run. */
export interface Notice {
  readonly alerts: readonly [Alert, ...Alert[]];
  readonly host: string;
  /** Our package version. */
  readonly version: string;
  readonly at: Date;
}

/** A target of alerts. */
export interface Channel {
  /** For logs; contains no secret. */
  readonly name: string;
  /** Sends a notice within seconds, or throws OrgsyncError. */
  tell(notice: Notice): Promise<void>;
}
