/**
 * How far a server's clock is ahead of this process's monotonic clock. Each answer gives bounds, and the narrowest hold: an
 * answer that was held up on its way shifts nothing. So NTP does it (RFC 5905, section 10: the sample of least delay).
 */
export class RemoteClock {
  #aheadAtLeast = -Infinity;
  #aheadAtMost = Infinity;

  /** How far the bounds are apart, in milliseconds: twice the largest possible mistake. */
  get spanMs(): number {
    return this.#aheadAtMost - this.#aheadAtLeast;
  }

  /** Notes that the server's clock was at `theirs` some time between two moments of ours. */
  note(theirs: number, { askedAt, answeredAt }: { readonly askedAt: number; readonly answeredAt: number }): void {
    const [least, most] = [theirs - answeredAt, theirs - askedAt];
    const wasSet = least > this.#aheadAtMost || most < this.#aheadAtLeast;
    this.#aheadAtLeast = wasSet ? least : Math.max(least, this.#aheadAtLeast);
    this.#aheadAtMost = wasSet ? most : Math.min(most, this.#aheadAtMost);
  }

  /** A moment on the server's clock, in ms since 1970, on our monotonic clock. */
  onOurs(theirs: number): number {
    return theirs - (this.#aheadAtLeast + this.#aheadAtMost) / 2;
  }
}
