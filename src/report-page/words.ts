/** The languages of the report. */
export type Language = 'en' | 'zh';

/** Everything the page says by itself; a missing translation is a type error. */
export const WORDS = {
  title: { en: 'Organisation sync report', zh: '组织同步报告' },
  made: { en: 'made', zh: '生成于' },
  corps: { en: 'Corps', zh: '企业' },
  corp: { en: 'Corp', zh: '企业' },
  state: { en: 'State', zh: '状态' },
  lastSuccess: { en: 'Last success', zh: '上次成功' },
  members: { en: 'Members', zh: '成员' },
  departments: { en: 'Departments', zh: '部门' },
  runs: { en: 'Runs', zh: '运行' },
  runsEach: { en: 'each run', zh: '每次运行' },
  runsByDay: { en: 'by day (UTC)', zh: '按天（UTC）' },
  duration: { en: 'Duration (s)', zh: '耗时（秒）' },
  requests: { en: 'Requests to WeCom', zh: '请求次数' },
  people: { en: 'Joined and left', zh: '加入与离开' },
  joined: { en: 'Joined', zh: '加入' },
  left: { en: 'Left', zh: '离开' },
  changed: { en: 'Changed', zh: '变更' },
  troubled: { en: 'not well', zh: '异常' },
  organisation: { en: 'Organisation', zh: '组织架构' },
  organisationHint: { en: 'Area is how many belong to a department. Choose one to look into it.', zh: '面积表示部门人数，点击可展开。' },
  direct: { en: 'directly in it', zh: '直属' },
  tree: { en: 'As a list', zh: '列表' },
  changes: { en: 'Newest changes', zh: '最近变更' },
  when: { en: 'When', zh: '时间' },
  who: { en: 'Who', zh: '对象' },
  what: { en: 'What', zh: '内容' },
  noRuns: { en: 'No run in this time.', zh: '此期间没有运行。' },
  noChanges: { en: 'No change in this time.', zh: '此期间没有变更。' },
  noOrganisation: { en: 'Nothing stored yet.', zh: '尚无数据。' },
  never: { en: 'never', zh: '从未' },
  weeks: { en: 'weeks', zh: '周' },
  ok: { en: 'ok', zh: '正常' },
  warning: { en: 'warning', zh: '警告' },
  critical: { en: 'critical', zh: '严重' },
  unknown: { en: 'unknown', zh: '未知' },
  personal: { en: 'Holds names: keep it as you keep the database.', zh: '包含个人信息，请妥善保管。' },
} as const satisfies Readonly<Record<string, Readonly<Record<Language, string>>>>;

/** What can be said. */
export type Word = keyof typeof WORDS;

/** Whether a word from the data is one that we translate. */
export function isWord(word: string): word is Word {
  return Object.hasOwn(WORDS, word);
}
