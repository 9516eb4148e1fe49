// A WeCom of a few lines in a thread of its own, so that a client whose event loop stalls cannot stall the stopwatch too.
import { createServer } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

const { departments, latencyMs, trouble } = workerData;
const arrivals = [];
let served = 0;
let token = 1;

const answerOf = (url) => {
  if (url.pathname.endsWith('/gettoken')) return { errcode: 0, access_token: `token-${(token += 1)}`, expires_in: 7200 };
  if (url.searchParams.get('access_token') !== `token-${token}`) return { errcode: 40014, errmsg: 'invalid access_token', userlist: [] };
  if (url.pathname.endsWith('/department/list')) {
    return { errcode: 0, department: Array.from({ length: departments }, (_, at) => ({ id: at + 1, parentid: at === 0 ? 0 : 1, order: 0, name: 'd' })) };
  }
  const id = Number(url.searchParams.get('department_id'));
  return { errcode: 0, userlist: [{ userid: `u${id}`, name: 'n', department: [id], order: [0], status: 1 }] };
};

/** What goes wrong with the n-th request, if anything. */
const spoil = (nth, response) => {
  if (!trouble) return false;
  if (nth % 41 === 0) token += 1;
  if (nth % 13 === 0) response.end(JSON.stringify({ errcode: 45033, errmsg: 'api concurrent out of limit' }));
  else if (nth % 17 === 0) response.socket.destroy();
  else if (nth % 19 === 0) response.writeHead(502).end('<html></html>');
  else if (nth % 29 === 0) response.end(JSON.stringify({ errcode: -1, errmsg: 'system busy' }));
  else return false;
  return true;
};

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  arrivals.push(performance.now());
  served += 1;
  const nth = served;
  setTimeout(() => {
    if (!spoil(nth, response)) response.end(JSON.stringify(answerOf(new URL(request.url, 'http://wecom'))));
  }, latencyMs);
});

server.listen(0, '127.0.0.1', () => parentPort.postMessage({ port: server.address().port }));
parentPort.on('message', () => parentPort.postMessage({ arrivals }));
