/** The result of `promise`, or a rejection with `signal.reason` as soon as `signal` aborts; `promise` itself is not stopped. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    // The signal has aborted, so this rejects with its reason.
    const abort = (): void => resolve(untilAborted(promise, signal));
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
