import type { Sandbox } from './sandbox.ts';
import type { SecretKind } from './secrets.ts';

/** Which secret the configuration uses, and whether it also contains the contacts-sync secret. */
export interface ConfigOptions {
  readonly kind?: SecretKind;
  readonly withContacts?: boolean;
}

/** The first line of every configuration written for a sandbox. */
const HEADING = '# Invented corps of an orgsync sandbox. Their secrets open nothing else.\n';

/** Whether a file was written by {@link configFor}. Only such a file may be replaced. */
export function isSandboxConfig(text: string): boolean {
  return text === '' || text.startsWith(HEADING);
}

/** A ready `config.yml` for this sandbox: all corps, an embedded store beside the file. More keys may be appended. */
export function configFor({ url, world }: Pick<Sandbox, 'url' | 'world'>, { kind = 'app_pre2022', withContacts = false }: ConfigOptions = {}): string {
  const corps = [...world.corps.values()].map((corp) => {
    const { secret, agentId } = world.secret(corp, kind);
    const lines = [`id: ${corp.id}`, `name: ${quote(corp.name)}`, `secret: ${quote(secret)}`, `agent_id: ${agentId}`];
    if (withContacts) lines.push(`contacts_secret: ${quote(world.secret(corp, 'contacts').secret)}`);
    return `  - ${lines.join('\n    ')}`;
  });
  return `${HEADING}corps:\n${corps.join('\n')}\nwecom:\n  api: ${quote(url)}\n`;
}

/** A double-quoted YAML scalar is a JSON string. `$` needs no escape: invented names and secrets contain none. */
function quote(text: string): string {
  return JSON.stringify(text);
}
