/** The sandbox was asked for something impossible; the control interface answers with HTTP 400. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError';
}
