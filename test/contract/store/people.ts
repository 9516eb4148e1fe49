import { department, seen } from '../../support/organisation.ts';

/** Two people of one corp, the first with every field, and their departments. */
export const ZHANG = seen('zhangsan', {
  name: '张三',
  alias: 'Zhang',
  mobile: '13800138000',
  email: 'zhangsan@example.com',
  bizMail: 'zhangsan@corp.example',
  telephone: '020-1234',
  position: '工程师',
  gender: '1',
  mainDepartment: 2,
  directLeaders: ['lisi', 'wangwu'],
  externalPosition: '产品经理',
  avatar: 'https://wework.qpic.cn/wwpic/1/0',
  address: '广州',
  extattr: { attrs: [{ type: 0, name: '爱好', text: { value: '旅游' } }] },
}, [1, 2]);
export const LI = seen('lisi', { mobile: '13900139000' });
export const DEPARTMENTS = [department(1, { name: '总部' }), department(2, { name: '研发', nameEn: 'R&D', leaders: ['zhangsan'], sortOrder: 4_294_967_295 })];
