import { mariadbPlace } from '../support/stores.ts';
import { describeStore } from './store.contract.ts';

describeStore('MariaDB', () => mariadbPlace());
