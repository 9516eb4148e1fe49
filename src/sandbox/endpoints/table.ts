import { agentGet, getApiDomainIp, tagGet } from './agent.ts';
import { departmentGet, departmentList, departmentSimplelist } from './departments.ts';
import type { Endpoint } from './endpoint.ts';
import { exportDepartment, exportGetResult, exportSimpleUser, exportUser } from './export.ts';
import { userGetuserid, userGetUseridByEmail } from './find.ts';
import { gettoken } from './gettoken.ts';
import { authGetuserdetail, batchGetresult } from './neighbours.ts';
import { userGet, userList, userListId, userSimplelist } from './members.ts';
import { webhookSend } from './webhook.ts';

/** Every endpoint, by its path below /cgi-bin/. */
export const ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map(
  [
    gettoken,
    departmentList,
    departmentSimplelist,
    departmentGet,
    userSimplelist,
    userList,
    userGet,
    userListId,
    userGetuserid,
    userGetUseridByEmail,
    agentGet,
    tagGet,
    getApiDomainIp,
    exportSimpleUser,
    exportUser,
    exportDepartment,
    exportGetResult,
    webhookSend,
    authGetuserdetail,
    batchGetresult,
  ].map((endpoint: Endpoint) => [endpoint.name, endpoint]),
);
