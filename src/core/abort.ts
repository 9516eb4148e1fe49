/** What `promise` comes to, or a rejection with `signal.reason` as soon as `signal` aborts; `promise` itself goes on. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    // Aborted by now, so this rejects with the reason.
    const abort = (): void => resolve(untilAborted(promise, signal));
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
