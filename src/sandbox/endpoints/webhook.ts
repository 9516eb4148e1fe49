import { ok, refuse } from '../envelope.ts';
import type { OpenEndpoint } from './endpoint.ts';

/** The largest size in bytes of each type of message, as the server reports it; for text this is more than the documentation says (P91770). */
const MAX_BYTES: Readonly<Record<string, number>> = { text: 5120, markdown: 4096, markdown_v2: 4096 };

/** P91770, P99110: a group robot accepts a message; 20 a minute. */
export const webhookSend: OpenEndpoint = {
  name: 'webhook/send',
  method: 'POST',
  auth: 'none',
  answer({ query, body }, { world, limits, now }) {
    const robot = world.robots.get(query.get('key') ?? '');
    if (robot === undefined) return refuse(93000);
    if (robot.stopped) return refuse(93004);
    if (!limits.bookRobot(robot.key, now())) return refuse(45009);
    const type = String(body['msgtype']);
    const content = contentOf(body[type]);
    if (content === undefined || content === '') return refuse(44004);
    const most = MAX_BYTES[type];
    if (most !== undefined && Buffer.byteLength(content) > most) return refuse(40058, { text: tooLong(type, most) });
    robot.messages.push(body);
    return ok();
  },
};

function tooLong(type: string, most: number): string {
  return `${type}.content exceed max length ${most}. ${type === 'text' ? '' : 'Invalid input '}invalid Request Parameter`;
}

function contentOf(message: unknown): string | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const content = 'content' in message ? message.content : JSON.stringify(message);
  return typeof content === 'string' ? content : undefined;
}
