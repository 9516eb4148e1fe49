/** A number with its noun: `1 corp`, `2 corps`. */
export function countOf(count: number, noun: string, several = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : several}`;
}
