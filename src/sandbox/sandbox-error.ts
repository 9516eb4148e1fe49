/** The sandbox was asked for something that makes no sense; the control interface answers it with HTTP 400. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError';
}
