import { sqlitePlace } from '../support/stores.ts';
import { describeStore } from './store.contract.ts';

describeStore('SQLite', sqlitePlace);
