/** Whether an environment variable switches something on: set, and not `0`, `false`, `no` or `off`. */
export function isSwitchedOn(value: string | undefined): boolean {
  return value !== undefined && !/^(0|false|no|off|)$/i.test(value);
}
