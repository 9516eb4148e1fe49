import { z } from 'zod';
import { configSchema } from './schema.ts';

/** The parts of this project's JSON Schema that docs and messages use. */
export interface JsonSchema {
  $schema?: string;
  title?: string;
  description?: string;
  type?: string | readonly string[];
  default?: unknown;
  examples?: readonly unknown[];
  enum?: readonly unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  readOnly?: boolean;
  deprecated?: boolean;
  /** What is accepted, in words. Not a keyword of JSON Schema; removed from the published schema. */
  accepts?: string;
  /** Whether a number, true or false is read as the text in the file. Not a keyword of JSON Schema either. */
  unquoted?: boolean;
  /** Examples as they are written; zod drops `examples` of values that are transformed. */
  suchAs?: readonly unknown[];
  required?: readonly string[];
  properties?: Readonly<Record<string, JsonSchema>>;
  items?: JsonSchema;
  anyOf?: readonly JsonSchema[];
}

/** Every value may come from the environment: `${NAME}` in place of a number or a word. */
const VARIABLE: JsonSchema = { type: 'string', pattern: String.raw`\$\{[A-Za-z_]\w*(:-[^}]*)?\}` };

/** The types that YAML reads from text without quotes. */
const UNQUOTED = ['string', 'number', 'boolean'];

/** The JSON Schema of the configuration file, for editors. */
export function jsonSchema(): JsonSchema {
  const published = describedSchema((part) => {
    delete part.accepts;
    admitVariables(part);
    if (part.unquoted === true) part.type = UNQUOTED;
    delete part.unquoted;
  });
  return { ...published, title: 'Configuration of orgsync' };
}

/** The same schema with what each value accepts in words, for the reference and for messages. `edit` may change every part. */
export function describedSchema(edit: (part: JsonSchema) => void = () => undefined): JsonSchema {
  const schema = configSchema({ resolve: (path) => path, readSecret: () => ({ text: '' }) });
  return z.toJSONSchema(schema, {
    io: 'input',
    override({ jsonSchema: node }) {
      const part = node as JsonSchema;
      delete part.readOnly;
      if (part.suchAs !== undefined) part.examples = part.suchAs;
      delete part.suchAs;
      edit(part);
    },
  }) as JsonSchema;
}

function admitVariables(part: JsonSchema): void {
  const { type, pattern, enum: words, minimum, maximum } = part;
  const narrow = type === 'integer' || type === 'number' || type === 'boolean' || (type === 'string' && (pattern !== undefined || words !== undefined));
  if (!narrow || part.anyOf !== undefined || (pattern !== undefined && new RegExp(pattern).test('${NAME}'))) return;
  const own = Object.fromEntries(Object.entries({ type, pattern, enum: words, minimum, maximum }).filter(([, value]) => value !== undefined));
  delete part.type;
  delete part.pattern;
  delete part.enum;
  delete part.minimum;
  delete part.maximum;
  part.anyOf = [own, VARIABLE];
}
