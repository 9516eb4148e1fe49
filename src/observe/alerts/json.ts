import { paragraphs, plainText } from '../../core/alerts/text.ts';
import type { Alert } from '../../core/alerts/alerting.ts';
import type { Notice } from './channel.ts';

/** A notice for programs, as webhooks and commands get it. Documented in docs/monitoring.md; keys are added, never renamed. */
export function noticeJson({ alerts, host, version, at }: Notice): string {
  return JSON.stringify({
    orgsync: version,
    host,
    sent_at: at.toISOString(),
    text: plainText(paragraphs(alerts, at.getTime())),
    alerts: alerts.map(alertJson),
  });
}

function alertJson({ change, subject, kind, corp, since, message, hint, code, errcode, request, departing, lastSuccessAt }: Alert): object {
  return {
    change,
    kind,
    subject,
    corp: corp === null ? null : { id: corp.id, name: corp.name },
    since: since.toISOString(),
    last_success_at: lastSuccessAt?.toISOString() ?? null,
    code,
    message,
    hint,
    errcode,
    request,
    departing,
  };
}
