import type { AlertBook, AlertKey, AlertRecord } from '../../core/ports/alerts.ts';
import type { Connection, Database, Row } from '../engine/database.ts';
import { neededText, neededTime, timeOf, timeText } from '../engine/values.ts';

/** Keeps the alert book in a database, for all hosts. Does not close the database. */
export function createAlertBook(database: Database): AlertBook {
  return {
    read: () => database.read(readAll),
    replace: async (previous, next) => {
      let times = 0;
      return database.transaction((connection) => replace(connection, { previous, next, repeated: times++ > 0 }));
    },
  };
}

async function readAll(connection: Connection): Promise<readonly AlertRecord[]> {
  return (await connection.query(`SELECT ${columnsOf(connection)} FROM alerts ORDER BY subject, kind`)).map(recordOf);
}

interface Replacement {
  readonly previous: AlertRecord | null;
  readonly next: AlertRecord;
  /** Whether this is a retry: the first attempt may have been committed without our knowing. */
  readonly repeated: boolean;
}

async function replace(connection: Connection, { previous, next, repeated }: Replacement): Promise<boolean> {
  const current = await lock(connection, next);
  if (repeated && isSame(current, next)) return true;
  if (!isSame(current, previous)) return false;
  const { subject, kind, since, sentAt, closedAt, host, message } = next;
  const conflict = connection.dialect.onConflict(['subject', 'kind'], ['since', 'sent_at', 'closed_at', 'host', 'message']);
  const times = [timeText(since.getTime()), timeText(sentAt.getTime()), closedAt === null ? null : timeText(closedAt.getTime())];
  await connection.write(`INSERT INTO alerts (subject, kind, since, sent_at, closed_at, host, message) VALUES (?, ?, ?, ?, ?, ?, ?)${conflict}`, [
    subject,
    kind,
    ...times,
    host,
    message,
  ]);
  return true;
}

/** Locks the row. Without a row, two processes can both continue; then one gets a deadlock and is retried. */
async function lock(connection: Connection, { subject, kind }: AlertKey): Promise<AlertRecord | null> {
  const [row] = await connection.query(`SELECT ${columnsOf(connection)} FROM alerts WHERE subject = ? AND kind = ?${connection.dialect.updateLock}`, [subject, kind]);
  return row === undefined ? null : recordOf(row);
}

function isSame(one: AlertRecord | null, other: AlertRecord | null): boolean {
  if (one === null || other === null) return one === other;
  return one.sentAt.getTime() === other.sentAt.getTime() && one.closedAt?.getTime() === other.closedAt?.getTime() && one.host === other.host;
}

function columnsOf({ dialect }: Connection): string {
  return `subject, kind, since, sent_at, closed_at, ${dialect.exactText('host')}, ${dialect.exactText('message')}`;
}

function recordOf(row: Row): AlertRecord {
  const kind = neededText(row, 'kind');
  return {
    subject: neededText(row, 'subject'),
    kind: kind === 'held_back' || kind === 'stale' ? kind : 'failed',
    since: neededTime(row, 'since'),
    sentAt: neededTime(row, 'sent_at'),
    closedAt: timeOf(row, 'closed_at'),
    host: neededText(row, 'host'),
    message: neededText(row, 'message'),
  };
}
