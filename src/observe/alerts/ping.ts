import type { Secret } from '../../core/secret.ts';
import type { Http } from '../http.ts';

/** A health check like healthchecks.io: it expects pings and sends an alert when they stop. */
export interface HealthCheck {
  /** The work begins. Rejects with OrgsyncError. */
  started(): Promise<void>;
  /** The work has ended with this exit code; `text` is a short report for people. Rejects with OrgsyncError. */
  ended(exitCode: number, text: string): Promise<void>;
}

/** The largest body we send; healthchecks.io keeps 100 kB. */
const MOST_CHARACTERS = 10_000;

/** A health check at an address: `/start` is appended at the start, nothing after success, the exit code after failure. */
export function createHealthCheck({ url, http }: { readonly url: Secret; readonly http: Http }): HealthCheck {
  const post = async (path: string, body: string): Promise<void> => {
    const target = new URL(url.reveal());
    target.pathname = target.pathname.replace(/\/$/, '') + path;
    await http({ method: 'POST', url: target, body, headers: { 'content-type': 'text/plain; charset=utf-8' } });
  };
  return {
    started: () => post('/start', ''),
    ended: (exitCode, text) => post(exitCode === 0 ? '' : `/${exitCode}`, text.slice(-MOST_CHARACTERS)),
  };
}
