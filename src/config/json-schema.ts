import { z } from 'zod';
import { configSchema } from './schema.ts';

/** A JSON Schema as this project writes them, as far as docs and messages read it. */
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
  /** What the value accepts, in words; not a keyword of JSON Schema, and left out of what is published. */
  accepts?: string;
  /** Whether a number, true or false is taken for the text that it is written as; not a keyword either. */
  unquoted?: boolean;
  /** Examples as they are written: zod leaves out `examples` where a value is transformed. */
  suchAs?: readonly unknown[];
  required?: readonly string[];
  properties?: Readonly<Record<string, JsonSchema>>;
  items?: JsonSchema;
  anyOf?: readonly JsonSchema[];
}

/** Anything may come from the environment: `${NAME}` where a number or a word is expected. */
const VARIABLE: JsonSchema = { type: 'string', pattern: String.raw`\$\{[A-Za-z_]\w*(:-[^}]*)?\}` };

/** What YAML makes of text without quotes. */
const UNQUOTED = ['string', 'number', 'boolean'];

/** The JSON Schema of the configuration as it is written, for editors. */
export function jsonSchema(): JsonSchema {
  const published = describedSchema((part) => {
    delete part.accepts;
    admitVariables(part);
    if (part.unquoted === true) part.type = UNQUOTED;
    delete part.unquoted;
  });
  return { ...published, title: 'Configuration of orgsync' };
}

/** The same with what each value accepts in words, for the reference and for messages. `edit` may change every part. */
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
