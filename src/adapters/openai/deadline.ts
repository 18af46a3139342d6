/**
 * A signal that aborts with another one or after so long, and lets go of it when it is disposed. `AbortSignal.any` and
 * `AbortSignal.timeout` hold on to what they were used for until their time is over: here every request's whole conversation.
 */
export function deadline(signal: AbortSignal, ms: number): { readonly signal: AbortSignal } & Disposable {
  const over = new AbortController();
  const abort = () => over.abort(signal.reason);
  const timer = setTimeout(() => over.abort(new DOMException(`No answer within ${ms} ms`, 'TimeoutError')), ms);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return {
    signal: over.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    },
  };
}
