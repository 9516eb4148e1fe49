/** Returns a function that runs `work` at the first call, and returns the same promise at every later call. */
export function once<T>(work: () => Promise<T>): () => Promise<T> {
  let promise: Promise<T> | undefined;
  return () => (promise ??= work());
}
