import type { Corp, Member } from './corp.ts';
import { showDepartment, showMember, type Sent } from './editions.ts';
import type { Secret } from './secrets.ts';
import { viewOf, type View } from './visibility.ts';

/** A member as a perfect client stores it: the fields that this secret gets, with WeCom's names. */
interface TrueMember extends Sent {
  readonly userid: string;
}

/** A membership. A key is missing when this secret does not get it, because a client cannot know it then. */
interface TrueMembership {
  readonly userid: string;
  readonly department: number;
  readonly order?: number;
  readonly is_leader?: boolean;
}

/** Exactly the data that a perfect client with one secret gets. */
export interface Truth {
  /** As department/list shows them, by id. */
  readonly departments: readonly Sent[];
  /** As user/list shows them, by lower-cased userid; without members of status 5, who have left. */
  readonly members: readonly TrueMember[];
  /** Visible ones of `members`, by lower-cased userid and department. */
  readonly memberships: readonly TrueMembership[];
  /** Userids still listed with status 5. */
  readonly left: readonly string[];
  /** Members in range that no department contains: found through agent/get, or only through a tag. */
  readonly oneByOne: readonly string[];
  readonly taggedOnly: readonly string[];
}

/** What `secret` can see of the corp at this moment. */
export function truthOf(corp: Corp, secret: Secret): Truth {
  const view = viewOf(corp, secret);
  const visible = [...corp.members].filter(([, member]) => view.sees(member)).sort(([a], [b]) => (a < b ? -1 : 1));
  const present = visible.filter(([, { status }]) => status !== 5);
  const shown = present.map(([, member]) => ({ member, sent: { ...showMember(corp, member, view, 'list'), userid: member.userid } }));
  const unplaced = present.filter(([, { places }]) => !places.some(({ department }) => view.departments.has(department)));
  return {
    departments: [...corp.departments.values()]
      .filter(({ id }) => view.departments.has(id))
      .sort((a, b) => a.id - b.id)
      .map((department) => showDepartment(corp, department, view)),
    members: shown.map(({ sent }) => sent),
    memberships: shown.flatMap(({ member, sent }) => membershipsOf(member, sent, view)),
    left: visible.filter(([, { status }]) => status === 5).map(([, { userid }]) => userid),
    oneByOne: unplaced.filter(([key]) => view.users.has(key)).map(([, { userid }]) => userid),
    taggedOnly: unplaced.filter(([key]) => !view.users.has(key)).map(([, { userid }]) => userid),
  };
}

function membershipsOf({ userid, places, empty_leader_array: leadersAreEmpty }: Member, sent: Sent, view: View): readonly TrueMembership[] {
  return places
    .filter(({ department }) => view.departments.has(department))
    .map(({ department, order, leader }) => ({
      userid,
      department,
      ...('order' in sent && { order }),
      ...('is_leader_in_dept' in sent && leadersAreEmpty !== true && { is_leader: leader }),
    }))
    .sort((a, b) => a.department - b.department);
}
