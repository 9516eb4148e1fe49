import { Counter, Gauge, Registry } from 'prom-client';
import { FAMILIES } from './families.ts';

/** One series and its value. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?[ \t]+(\S+)/;
const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const ESCAPES: Readonly<Record<string, string>> = { '\\n': '\n', '\\"': '"', '\\\\': '\\' };

/** Reads Prometheus' text format (version 0.0.4) as prom-client and the Pushgateway write it. Ignores lines that are not samples. */
export function parseSamples(text: string): readonly Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', number] = LINE.exec(line) ?? [];
    const value = Number(number);
    return name === undefined || !Number.isFinite(value) ? [] : [{ name, labels: parseLabels(labels), value }];
  });
}

function parseLabels(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(LABEL)].map(([, name, value]) => [name ?? '', unescape(value ?? '')]));
}

function unescape(value: string): string {
  return value.replace(/\\./g, (escaped) => ESCAPES[escaped] ?? escaped);
}

/** Writes samples of the known metrics in Prometheus' text format, each metric with its help and type. A metric without samples is left out. */
export async function formatSamples(samples: readonly Sample[]): Promise<string> {
  const registry = new Registry();
  const names = new Set(samples.map(({ name }) => name));
  // prom-client would write 0 for a metric without labels that was never set.
  const families = Object.values(FAMILIES).filter(({ name }) => names.has(name));
  const setters = new Map<string, Setter>(families.map((family) => [family.name, setterOf(family, registry)]));
  for (const { name, labels, value } of samples) setters.get(name)?.(labels, value);
  return await registry.metrics();
}

type Setter = (labels: Sample['labels'], value: number) => void;

function setterOf({ name, help, type, labels }: (typeof FAMILIES)[keyof typeof FAMILIES], registry: Registry): Setter {
  const settings = { name, help, labelNames: [...labels], registers: [registry] };
  if (type === 'counter') {
    const counter = new Counter<string>(settings);
    return (own, value) => counter.inc(own, value);
  }
  const gauge = new Gauge<string>(settings);
  return (own, value) => gauge.set(own, value);
}
