import { describeStatements } from './crash-points.ts';

describeStatements('mariadb');
