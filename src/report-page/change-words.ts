import { ENGLISH } from '../core/changes/words.ts';
import type { ChangeWords } from '../core/changes/words.ts';
import type { Language } from './words.ts';

const CHINESE: ChangeWords = {
  department: (id) => `部门 ${id}`,
  betweenDepartments: '、',
  betweenClauses: '；',
  joined: (departments) => (departments === '' ? '加入' : `加入 ${departments}`),
  departed: (departments) => (departments === '' ? '离开' : `离开 ${departments}`),
  returned: (departments) => (departments === '' ? '回归' : `回归 ${departments}`),
  entered: (departments) => `增加部门 ${departments}`,
  exited: (departments) => `移出部门 ${departments}`,
  moved: (from, to) => `调动 ${from} → ${to}`,
  promoted: (department) => `成为 ${department} 的负责人`,
  demoted: (department) => `不再是 ${department} 的负责人`,
  reorderedIn: (department) => `在 ${department} 中的排序变更`,
  created: (under) => (under === '' ? '新建' : `新建于 ${under} 之下`),
  movedUnder: (from, to) => `上级部门 ${from} → ${to}`,
  removed: '移除',
  restored: '恢复',
  reordered: '排序变更',
  renamed: (before, after) => (before === '' ? `名称设为 ${after}` : `改名 ${before} → ${after}`),
  set: (field, after) => `${field}设为 ${after}`,
  cleared: (field, before) => `${field} ${before} 已清除`,
  replaced: (field, before, after) => `${field} ${before} → ${after}`,
  fields: {
    alias: '别名',
    mobile: '手机',
    telephone: '座机',
    email: '邮箱',
    bizMail: '企业邮箱',
    position: '职务',
    address: '地址',
    gender: '性别',
    status: '状态',
    mainDepartment: '主部门',
    directLeaders: '直属上级',
    externalPosition: '对外职务',
    nameEn: '英文名',
    leaders: '部门负责人',
  },
  unreadable: { avatar: '头像已更换', extattr: '其他属性已变更' },
  gender: { 0: '未设置', 1: '男', 2: '女' },
  status: { 1: '已激活', 2: '已禁用', 4: '变为未激活', 5: '已退出企业' },
};

/** What the page says of changes. */
export const CHANGE_WORDS: Readonly<Record<Language, ChangeWords>> = { en: ENGLISH, zh: CHINESE };
