/** Syllables and words for invented companies and people. None of them refers to a real person. */

/** A word, and its spelling in Latin letters. */
export type Word = readonly [text: string, pinyin: string];

/** Family names, including two-character ones and rare characters. */
export const SURNAMES: readonly Word[] = [
  ['王', 'Wang'], ['李', 'Li'], ['张', 'Zhang'], ['刘', 'Liu'], ['陈', 'Chen'], ['杨', 'Yang'], ['黄', 'Huang'], ['赵', 'Zhao'],
  ['吴', 'Wu'], ['周', 'Zhou'], ['徐', 'Xu'], ['孙', 'Sun'], ['马', 'Ma'], ['朱', 'Zhu'], ['胡', 'Hu'], ['郭', 'Guo'],
  ['何', 'He'], ['林', 'Lin'], ['高', 'Gao'], ['罗', 'Luo'], ['郑', 'Zheng'], ['梁', 'Liang'], ['谢', 'Xie'], ['宋', 'Song'],
  ['唐', 'Tang'], ['许', 'Xu'], ['邓', 'Deng'], ['韩', 'Han'], ['冯', 'Feng'], ['曹', 'Cao'], ['彭', 'Peng'], ['曾', 'Zeng'],
  ['欧阳', 'Ouyang'], ['司马', 'Sima'], ['上官', 'Shangguan'], ['诸葛', 'Zhuge'], ['䶮', 'Yan'], ['仝', 'Tong'],
];

/** Given names of one or two characters. */
export const GIVEN_NAMES: readonly Word[] = [
  ['伟', 'Wei'], ['芳', 'Fang'], ['娜', 'Na'], ['敏', 'Min'], ['静', 'Jing'], ['强', 'Qiang'], ['磊', 'Lei'], ['洋', 'Yang'],
  ['勇', 'Yong'], ['艳', 'Yan'], ['杰', 'Jie'], ['涛', 'Tao'], ['明', 'Ming'], ['超', 'Chao'], ['秀英', 'Xiuying'], ['霞', 'Xia'],
  ['平', 'Ping'], ['刚', 'Gang'], ['桂兰', 'Guilan'], ['文博', 'Wenbo'], ['子涵', 'Zihan'], ['梓萱', 'Zixuan'], ['雨桐', 'Yutong'],
  ['浩然', 'Haoran'], ['思远', 'Siyuan'], ['晓彤', 'Xiaotong'], ['建国', 'Jianguo'], ['志强', 'Zhiqiang'], ['嘉懿', 'Jiayi'],
  ['昊天', 'Haotian'], ['若曦', 'Ruoxi'], ['喆', 'Zhe'], ['堃', 'Kun'], ['犇', 'Ben'],
];

/** Names that break careless programs: CJK extension B, emoji, traditional characters, Latin, a combining mark, 64 characters. */
export const ODD_NAMES: readonly string[] = [
  '𠮷野', '李🐼', '很长的名字'.repeat(12) + '到六十四', '👩‍💻小陈', '王𪚥', '成員丙', 'Renée O’Brien', '。', 'ประไพ', 'Ólafur', "Robert'); DROP TABLE members;--",
  '  前后有空格  ', '%_\\', '\u202eABC\u202c', 'ａｂｃ',
];

/** Names of companies. */
export const COMPANY_WORDS: readonly Word[] = [
  ['云栖', 'Yunqi'], ['星河', 'Xinghe'], ['青禾', 'Qinghe'], ['海岚', 'Hailan'], ['远山', 'Yuanshan'], ['鹿鸣', 'Luming'],
  ['白泽', 'Baize'], ['南风', 'Nanfeng'], ['长庚', 'Changgeng'], ['砚池', 'Yanchi'], ['松间', 'Songjian'], ['听澜', 'Tinglan'],
];

/** Industries. */
export const TRADES: readonly string[] = ['科技', '教育', '物流', '医疗', '餐饮', '传媒', '能源', '精密制造'];
/** Cities. */
export const CITIES: readonly string[] = ['北京', '上海', '广州', '深圳', '杭州', '成都', '武汉', '西安', '合肥', '厦门', '苏州', '香港'];

/** Names of departments directly under the root. */
export const DIVISIONS: readonly Word[] = [
  ['研发中心', 'R&D'], ['产品部', 'Product'], ['市场部', 'Marketing'], ['销售部', 'Sales'], ['人力资源部', 'HR'], ['财务部', 'Finance'],
  ['行政部', 'Admin'], ['客户成功部', 'Customer Success'], ['供应链部', 'Supply Chain'], ['法务部', 'Legal'], ['总经办', 'CEO Office'],
];

/** Names of departments on lower levels. */
export const TEAMS: readonly Word[] = [
  ['前端开发组', 'Frontend'], ['后台开发组', 'Backend'], ['测试组', 'QA'], ['运维组', 'Operations'], ['设计组', 'Design'],
  ['数据组', 'Data'], ['渠道组', 'Channels'], ['大客户组', 'Key Accounts'], ['招聘组', 'Recruiting'], ['项目一部', 'Projects 1'],
  ['项目二部', 'Projects 2'], ['售后组', 'After-sales'], ['🚀 创新实验室', 'Labs'], ['𠮷利专案', 'Kichiri'],
];

/** Positions; the empty one is as frequent as the others. */
export const POSITIONS: readonly string[] = [
  '', '后台工程师', '前端工程师', '产品经理', '高级产品经理', '销售代表', '区域经理', '会计', '人事专员', '测试工程师', 'IT', 'CEO', '实习生',
];
