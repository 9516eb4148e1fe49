import { formatSamples, parseSamples } from './exposition.ts';
import type { Sample } from './exposition.ts';
import type { Http } from '../http.ts';
import type { Update } from './textfile.ts';

/** The labels of our group at the Pushgateway. All hosts share it, because a gateway never deletes a group. */
interface PushGroup {
  readonly job: string;
  /** Runs of different shards end at the same time: each has its own group. */
  readonly shard?: string;
}

/** The scope of an update. */
interface PushTarget {
  readonly group: PushGroup;
  readonly http: Http;
  /** Whether the update replaces the whole group, which deletes ended series; otherwise it replaces only the metrics in it. */
  readonly whole: boolean;
}

/** Updates our group at a Pushgateway. Counters continue from the values there. Throws OrgsyncError as {@link Http} does. */
export async function updatePushgateway(address: string, { group, http, whole }: PushTarget, update: Update): Promise<void> {
  const before = parseSamples(await http({ method: 'GET', url: under(address, 'metrics') })).flatMap((sample) => ofGroup(sample, group));
  const { job, shard } = group;
  const place = ['job', job, ...(shard === undefined ? [] : ['shard', shard])].map(encodeURIComponent);
  const body = await formatSamples(update(before));
  await http({ method: whole ? 'PUT' : 'POST', url: under(address, `metrics/${place.join('/')}`), body, headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } });
}

function under(address: string, path: string): URL {
  const url = new URL(address);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${path}`;
  return url;
}

/** A sample as we pushed it, without the labels that the gateway adds; undefined for samples of other groups. */
function ofGroup({ labels: { job, instance, shard, ...labels }, ...sample }: Sample, group: PushGroup): readonly Sample[] {
  return job === group.job && (instance ?? '') === '' && shard === group.shard ? [{ ...sample, labels }] : [];
}
