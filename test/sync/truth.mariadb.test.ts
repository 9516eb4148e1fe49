import { describeTruth } from './truth.ts';

describeTruth('mariadb');
