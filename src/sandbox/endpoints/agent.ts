import { ok, refuse } from '../envelope.ts';
import { idParameter } from './departments.ts';
import type { TokenEndpoint } from './endpoint.ts';

/** P90227: an application about itself, with its visible range. */
export const agentGet: TokenEndpoint = {
  name: 'agent/get',
  method: 'GET',
  auth: 'token',
  forbidden: ['contacts'],
  answer({ query, secret }) {
    const agentId = idParameter(query, 'agentid');
    if (agentId === undefined) return refuse(41011);
    if (agentId !== secret.agentId) return refuse(60011);
    const { users, departments, tags } = secret.range;
    return ok({
      agentid: agentId,
      name: '组织同步',
      square_logo_url: 'https://p.qlogo.example/bizmail/orgsync/0',
      description: '沙箱里的自建应用',
      allow_userinfos: { user: users.map((userid) => ({ userid })) },
      allow_partys: { partyid: departments },
      allow_tags: { tagid: tags },
      close: 0,
      redirect_domain: 'orgsync.example',
      report_location_flag: 0,
      isreportenter: 0,
      home_url: 'https://orgsync.example',
      customized_publish_status: 1,
    });
  },
};

/** P90213: the members and departments with a tag, as far as the secret may see them. */
export const tagGet: TokenEndpoint = {
  name: 'tag/get',
  method: 'GET',
  auth: 'token',
  namesPeople: true,
  emptyLists: { userlist: [], partylist: [] },
  answer({ query, corp, view }) {
    const id = idParameter(query, 'tagid');
    if (id === undefined) return refuse(41017);
    const tag = corp.tags.get(id);
    if (tag === undefined) return refuse(40068);
    const members = tag.userids.flatMap((userid) => corp.member(userid) ?? []).filter((member) => view.sees(member));
    return ok({ tagname: tag.name, userlist: members.map(({ userid, name }) => ({ userid, name })), partylist: tag.departments });
  },
};

/** The addresses of WeCom's servers; every valid token may ask. */
export const getApiDomainIp: TokenEndpoint = {
  name: 'get_api_domain_ip',
  method: 'GET',
  auth: 'token',
  emptyLists: { ip_list: [] },
  answer: () => ok({ ip_list: ['192.0.2.10', '192.0.2.11', '198.51.100.0/24'] }),
};
