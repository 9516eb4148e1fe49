import type { Secret } from '../../core/secret.ts';
import type { Http } from '../http.ts';

/** A health check in the manner of healthchecks.io: it expects to be pinged, and complains of silence. */
export interface HealthCheck {
  /** The work begins. Rejects with OrgsyncError. */
  started(): Promise<void>;
  /** The work has ended with this exit code; `text` are the last lines a person would see. Rejects with OrgsyncError. */
  ended(exitCode: number, text: string): Promise<void>;
}

/** healthchecks.io keeps 100 kB of a body; nobody reads as much. */
const MOST_CHARACTERS = 10_000;

/** A health check at an address: `/start` is added to it at the start, nothing after success, the exit code after failure. */
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
