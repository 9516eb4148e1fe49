/**
 * The text of each of WeCom's error codes. Texts seen in live answers are exact, including odd spaces; texts marked * are
 * in no public capture and were invented here. Do not compare with these texts (P90664).
 */
const ERROR_TEXTS: Readonly<Record<number, string>> = {
  [-1]: 'system busy',
  40001: 'invalid credential',
  40003: 'invalid UserID', // *
  40013: 'invalid corpid',
  40014: 'invalid access_token',
  40056: 'invalid agentid', // *
  40058: 'invalid Request Parameter',
  40066: 'invalid party list', // *
  40068: 'invalid tag id', // *
  40088: 'invalid jobid', // *
  40089: 'job result expired', // *
  40141: 'corp account abnormal', // *
  41001: 'access_token missing',
  41002: 'corpid missing', // *
  41004: 'corpsecret missing',
  41009: 'userid missing', // *
  41011: 'agentid missing', // *
  41017: 'tagid missing', // *
  41019: 'department_id missing', // *
  42001: 'access_token expired',
  44004: 'empty content',
  45009: 'api freq out of limit',
  45029: 'response data too large', // *
  45033: 'api concurrent out of limit',
  45036: 'data access abnormal', // *
  46004: 'user not exist', // *
  48002: 'api forbidden',
  48009: 'api forbidden for contact assistant',
  60003: 'department not found',
  60011: 'no privilege to access/modify contact/party/agent ',
  60020: 'not allow to access from your ip',
  60103: 'invalid mobile', // *
  60111: 'userid not found',
  60123: 'invalid party id', // *
  60268: 'invalid cursor', // *
  81026: 'under maintenance', // *
  93000: 'invalid webhook url',
  93004: 'robot stopped', // *
  301007: 'corp dissolved or banned', // *
};

/** The text of a code; unknown codes get a text, too. */
export function errorText(errcode: number): string {
  return ERROR_TEXTS[errcode] ?? 'unknown error';
}
