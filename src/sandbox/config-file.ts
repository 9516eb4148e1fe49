import type { Sandbox } from './sandbox.ts';
import type { SecretKind } from './secrets.ts';

/** Which secret the written configuration uses, and whether the contacts-sync secret stands beside it. */
export interface ConfigOptions {
  readonly kind?: SecretKind;
  readonly withContacts?: boolean;
}

/** A ready `config.yml` for this sandbox: all corps, an embedded store beside the file. More keys may be appended. */
export function configFor({ url, world }: Sandbox, { kind = 'app_pre2022', withContacts = false }: ConfigOptions = {}): string {
  const corps = [...world.corps.values()].map((corp) => {
    const { secret, agentId } = world.secret(corp, kind);
    const lines = [`id: ${corp.id}`, `name: ${quote(corp.name)}`, `secret: ${quote(secret)}`, `agent_id: ${agentId}`];
    if (withContacts) lines.push(`contacts_secret: ${quote(world.secret(corp, 'contacts').secret)}`);
    return `  - ${lines.join('\n    ')}`;
  });
  return `# Invented corps of an orgsync sandbox. Their secrets open nothing else.\ncorps:\n${corps.join('\n')}\nwecom:\n  api: ${quote(url)}\n`;
}

/** A double-quoted YAML scalar is a JSON string. `$` is doubled nowhere: invented names and secrets hold none. */
function quote(text: string): string {
  return JSON.stringify(text);
}
